"""Who plays the load: addresses, the shared key, manifests."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.run.manifest import KEY_SECRET, manifests
from holdfast.run.workers import KEY_VARIABLE, Workers, address_of, asked_workers, key_from

KEY = "x" * 32


def test_addresses_are_host_and_port():
    assert address_of("10.0.0.5:5557", "--join") == ("10.0.0.5", 5557)
    assert address_of("[::1]:5557", "--join") == ("::1", 5557)


@given(st.text(max_size=20))
def test_what_is_no_address_is_told(text):
    told = ""
    try:
        host, port = address_of(text, "--join")
    except InputError as error:
        told = str(error)
    assert "host:port" in told or (host and 0 < port < 65536)


def test_a_key_comes_from_the_environment_or_a_file_of_its_owner_alone(tmp_path):
    assert key_from(None, {KEY_VARIABLE: KEY}) == KEY
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    assert key_from(file, {}) == KEY
    file.chmod(0o644)
    with pytest.raises(InputError, match="others can read it"):
        key_from(file, {})


@pytest.mark.parametrize("key", ["", "short"])
def test_no_key_and_a_short_one_are_refused_with_how_to_make_one(key):
    with pytest.raises(InputError, match="token_urlsafe"):
        key_from(None, {KEY_VARIABLE: key})


def test_a_key_shows_in_no_text_of_it():
    workers = Workers(0, 1, "127.0.0.1", 5557, KEY)
    assert KEY not in repr(workers)
    assert workers.as_job()["remote"]["key"] == KEY


def test_a_port_that_is_taken_and_a_listen_without_workers_are_told(monkeypatch, tmp_path):
    import socket

    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(InputError, match="cannot be listened on"):
            asked_workers(0, 1, f"127.0.0.1:{port}", None)
    with pytest.raises(InputError, match="--remote-workers"):
        asked_workers(2, 0, "127.0.0.1:5557", None)
    assert asked_workers(2, 0, None, None) == Workers(2)


def test_the_runner_of_a_manifest_can_write_its_run_folder_and_keeps_it_where_a_claim_is_named():
    for claim, source in ((None, {"emptyDir": {}}), ("runs", {"persistentVolumeClaim": {"claimName": "runs"}})):
        found = manifests(image="i", workers=2, plan="ci", namespace="load", claim=claim)
        runner, worker = (one["spec"]["template"]["spec"] for one in found[2:])
        assert runner["volumes"] == [{"name": "runs", **source}]
        assert runner["containers"][0]["volumeMounts"] == [{"name": "runs", "mountPath": "/workspace/runs"}]
        assert runner["securityContext"]["fsGroup"] == runner["securityContext"]["runAsUser"]
        assert "volumes" not in worker  # it writes nothing


def test_the_commands_of_a_manifest_are_ones_that_holdfast_understands():
    import click

    from holdfast.cli.program import program

    found = manifests(image="i", workers=2, plan="ci", namespace="load", patience=90)
    for one in found[2:]:
        _, name, *arguments = one["spec"]["template"]["spec"]["containers"][0]["command"]
        command = program.get_command(click.Context(program), name)
        parameters = {option.name: option for option in command.params if isinstance(option, click.Option)}
        parsed, _, _ = command.make_parser(click.Context(command)).parse_args(arguments)
        asked = parameters["patience"].type_cast_value(click.Context(command), parsed["patience"])
        assert asked == 90.0


def test_patience_is_told_to_the_child_that_waits():
    workers = asked_workers(2, 0, None, None, 300.0)
    assert workers.as_job() == {"workers": 2, "patience": 300.0}
    assert workers.ready_seconds > 300.0
    assert Workers().ready_seconds == 0.0


def test_manifests_hold_no_key_and_ask_for_no_privilege():
    found = manifests(image="registry.example/holdfast:1", workers=7, plan="ci", namespace="load")
    assert [one["kind"] for one in found] == ["Service", "NetworkPolicy", "Job", "Job"]
    runner, workers = (one["spec"] for one in found[2:])
    assert (runner["parallelism"], workers["parallelism"], workers["backoffLimit"]) == (1, 7, 0)
    for spec in (runner, workers):
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        assert container["env"][0]["valueFrom"]["secretKeyRef"]["name"] == KEY_SECRET
        assert pod["securityContext"]["runAsNonRoot"]
        # A CPU limit is a quota, and a generator that it throttles measures itself.
        assert container["resources"] == {"requests": {"cpu": "1", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}
    service, port = found[0]["metadata"]["name"], found[0]["spec"]["ports"][0]["port"]
    assert f"{service}:{port}" in workers["template"]["spec"]["containers"][0]["command"]
    assert list(yaml.safe_load_all(yaml.safe_dump_all(found))) == found
