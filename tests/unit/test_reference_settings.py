"""What the stack may be told, and what it says about what it may not."""

import json

import pytest

from holdfast.errors import InputError
from holdfast.reference.settings import ReplicaSettings, StackSettings, read_replica_settings, read_settings


def test_settings_survive_the_way_through_json() -> None:
    settings = StackSettings(replicas=3, service_time=0.01, port=18080, client_requests=600)

    assert read_settings(json.loads(json.dumps(settings.as_json()))) == settings


def test_absent_settings_have_their_defaults() -> None:
    assert read_settings({}) == StackSettings()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as wrong:
        read_settings({"replicas": 0, "workers": 2.5, "service_time": "fast", "colour": "red", "keep_logs": 1})

    assert {problem.where for problem in wrong.value.problems} == {
        "stack settings.replicas",
        "stack settings.workers",
        "stack settings.service_time",
        "stack settings.colour",
        "stack settings.keep_logs",
    }


def test_a_share_is_at_most_all_and_failover_is_on_or_off() -> None:
    with pytest.raises(InputError) as wrong:
        read_settings({"failing_share": 1.5, "failover": "no"})

    assert {problem.where for problem in wrong.value.problems} == {
        "stack settings.failing_share",
        "stack settings.failover",
    }
    assert read_settings({"failing_share": 0.03, "failover": False}) == StackSettings(
        failing_share=0.03, failover=False
    )


def test_true_is_not_a_number() -> None:
    with pytest.raises(InputError, match="whole number"):
        read_settings({"replicas": True})


def test_the_stated_capacity_is_workers_by_service_time_of_all_replicas() -> None:
    assert StackSettings(replicas=3, workers=5, service_time=0.05).capacity == pytest.approx(300)
    assert StackSettings(service_time=0.0).capacity == float("inf")


def test_what_a_replica_is_told_survives_the_way_through_json_and_hides_its_password() -> None:
    settings = ReplicaSettings(
        name="account-1",
        port=1,
        postgres_port=2,
        valkey_port=3,
        identity_url="http://127.0.0.1:4",
        billing_url="http://127.0.0.1:5",
        messages_url="http://127.0.0.1:6",
        password="not shown",
        stack=StackSettings(workers=7),
    )

    assert read_replica_settings(json.loads(json.dumps(settings.as_json()))) == settings
    assert "not shown" not in repr(settings)
