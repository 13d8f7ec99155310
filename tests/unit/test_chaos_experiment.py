import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.chaos.experiment import load_experiment
from holdfast.chaos.schema import ACTIONS
from holdfast.errors import Problem

INJECT = {"type": "python", "module": "holdfast.chaos.actions", "func": "inject"}
REVERT = {"type": "action", "name": "revert", "provider": {**INJECT, "func": "revert"}}
PROBE = {
    "type": "probe",
    "name": "ready",
    "tolerance": True,
    "provider": {"type": "python", "module": "holdfast.chaos.probes", "func": "answers"},
}
SOUND: dict[str, Any] = {
    "title": "A replica is killed",
    "description": "Does anybody notice?",
    "configuration": {"hold": {"type": "env", "key": "HOLDFAST_HOLD", "default": 20}},
    "steady-state-hypothesis": {"title": "Ready", "probes": [PROBE]},
    "method": [
        {
            "type": "action",
            "name": "kill",
            "provider": {**INJECT, "arguments": {"fault": "replica_kill", "replica": "account-1"}},
        },
        {
            "type": "action",
            "name": "hold",
            "provider": {**INJECT, "func": "hold", "arguments": {"seconds": "${hold}"}},
        },
        REVERT,
    ],
    "rollbacks": [REVERT],
    "extensions": [
        {
            "name": "holdfast",
            "hypothesis": "recover",
            "max_duration": "60s",
            "fault": {"kind": "replica_kill", "target": "account-1"},
        }
    ],
}


def problems_of(tmp_path: Path, data: dict[str, Any]) -> list[Problem]:
    path = tmp_path / "x.yaml"
    # Aliases (&id001) would make every line the first one's.
    path.write_text(yaml.safe_dump(copy.deepcopy(data), sort_keys=False), encoding="utf-8")
    experiment, problems = load_experiment(path)
    assert (experiment is None) == bool(problems)
    return problems


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """SOUND with one thing in another way; `to` None takes it out."""
    data = copy.deepcopy(SOUND)
    place: Any = data
    for part in path[:-1]:
        place = place[part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return data


def test_a_sound_experiment_has_no_problems(tmp_path: Path) -> None:
    path = tmp_path / "replica_kill.yaml"
    path.write_text(yaml.safe_dump(SOUND), encoding="utf-8")

    experiment, problems = load_experiment(path)

    assert problems == []
    assert experiment is not None
    assert (experiment.name, experiment.title, experiment.hypothesis) == ("replica_kill", SOUND["title"], "recover")
    assert (experiment.max_duration, experiment.recover_within) == (60.0, 30.0)
    assert experiment.has_steady_state
    assert experiment.injections == [{"fault": "replica_kill", "replica": "account-1"}]
    assert experiment.data == SOUND


@pytest.mark.parametrize(
    ("path", "to", "what", "fix"),
    [
        (("rollback",), [REVERT], 'unknown key "rollback"', 'did you mean "rollbacks"'),
        (("method", 0, "backgroud"), True, 'unknown key "backgroud"', 'did you mean "background"'),
        (("method", 0, "provider", "modul"), "x", 'unknown key "modul"', 'did you mean "module"'),
        (("runtime",), {"rolbacks": {}}, 'unknown key "rolbacks"', 'did you mean "rollbacks"'),
        (("runtime",), {"hypothesis": {"strategy": "continously"}}, "'continuously'", ""),
        (("extensions", 0, "maxduration"), "1s", 'unknown key "maxduration"', 'did you mean "max_duration"'),
        (("extensions", 0, "max_duration"), None, '"max_duration" is missing', ""),
        (("extensions", 0, "max_duration"), 60, "60 is not a duration", ""),
        (("extensions", 0, "hypothesis"), "survive", "'resist' or 'recover'", ""),
        (("extensions", 0, "fault", "kind"), "latency", "the method injects replica_kill", "name that one"),
        (("extensions",), None, "how long its fault may last", "max_duration"),
        (("title",), None, '"title" is missing', ""),
        (("method",), None, '"method" is missing', ""),
        (("rollbacks",), None, "no rollback takes it out", "func: revert"),
        (("method", 0, "provider", "module"), "holdfast.chaos.acts", "cannot be imported", ""),
        (("method", 0, "provider", "func"), "injekt", 'no function "injekt"', 'did you mean "inject"'),
        (("method", 0, "provider", "arguments", "fault"), "replica_kil", "no fault", 'did you mean "replica_kill"'),
        (("method", 0, "provider", "arguments", "replcia"), "x", 'no argument "replcia"', 'did you mean "replica"'),
        (("method", 0, "provider", "arguments", "leave_running"), "two", "does not fit", "a whole number"),
        (("method", 0, "provider", "arguments", "leave_running"), -1, "must not be below 0", ""),
        (("method", 0, "timeout"), 3, "never enforces the timeout", ""),
        (("method", 1, "provider", "arguments", "seconds"), "${hodl}", "${hodl} is declared neither", '"hold"'),
        (("method", 1, "provider", "arguments", "secs"), 3, 'no argument "secs"', "seconds"),
        (("method", 2), {"ref": "revrt"}, 'no activity "revrt"', ""),
        (("method", 0), {"type": "action", "name": "kill"}, "type, name and provider", ""),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), 0.5, "a fraction", "[0.5, 0.5]"),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), [1, 0], "the smaller first", ""),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), {"type": "rnge"}, "unknown type", 'mean "range"'),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), {"type": "regex", "pattern": "("}, "no regular", ""),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), None, "without a tolerance", ""),
        (("steady-state-hypothesis", "probes", 0, "type"), "action", "an action in a hypothesis", ""),
    ],
)
def test_what_chaos_toolkit_lets_pass_is_a_problem_here(
    tmp_path: Path, path: tuple[str | int, ...], to: Any, what: str, fix: str
) -> None:
    problems = problems_of(tmp_path, changed(*path, to=to))

    assert any(what in str(p) and fix in str(p) for p in problems), problems


def test_a_problem_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, changed("method", 0, "provider", "arguments", "fault", to="replica_kil"))

    line = next(
        number
        for number, text in enumerate((tmp_path / "x.yaml").read_text().splitlines(), 1)
        if "fault: replica_kil" in text
    )
    assert f"x.yaml:{line}  method[0].provider.arguments.fault" in problem.where


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    data = changed("rollbacks", to=None)
    data["method"][0]["provider"]["arguments"]["fault"] = "replica_kil"
    data["steady-state-hypothesis"]["probes"][0]["tolerance"] = 0.5

    assert len(problems_of(tmp_path, data)) >= 3


def test_an_action_that_is_not_ours_needs_a_rollback_of_its_own(tmp_path: Path) -> None:
    stop = {"type": "action", "name": "stop", "provider": {"type": "process", "path": "true", "arguments": ["a"]}}
    data = changed("method", to=[stop])
    (problem,) = problems_of(tmp_path, data)
    assert "no rollback undoes it" in problem.what

    held = {"type": "python", "module": ACTIONS, "func": "hold", "arguments": {"seconds": 1}}
    looks = data["steady-state-hypothesis"]["probes"][0]["name"]
    for undoes_nothing in ({"ref": looks}, {"type": "action", "name": "wait", "provider": held}):
        data["rollbacks"] = [undoes_nothing]
        (problem,) = problems_of(tmp_path, data)
        assert "no rollback undoes it" in problem.what

    for undoes_it in (stop | {"name": "start"}, {"ref": "stop"}):
        data["rollbacks"] = [undoes_it]
        assert problems_of(tmp_path, data) == []


def test_a_string_of_process_arguments_which_a_shell_would_read_is_refused(tmp_path: Path) -> None:
    process = {"type": "process", "path": "true", "arguments": "a; rm -rf /"}

    assert problems_of(tmp_path, changed("rollbacks", 0, "provider", to=process))


def test_a_range_of_fractions_is_a_tolerance(tmp_path: Path) -> None:
    assert problems_of(tmp_path, changed("steady-state-hypothesis", "probes", 0, "tolerance", to=[0.0, 0.5])) == []


def test_a_placeholder_is_judged_only_when_its_value_is_known(tmp_path: Path) -> None:
    data = changed("method", 0, "provider", "arguments", "leave_running", to="${hold}")

    assert problems_of(tmp_path, data) == []


def test_other_extensions_are_none_of_our_business(tmp_path: Path) -> None:
    data = copy.deepcopy(SOUND)
    data["extensions"].insert(0, {"name": "somebody", "says": "anything"})

    assert problems_of(tmp_path, data) == []


def http_probe(url: str) -> dict[str, Any]:
    return {**PROBE, "tolerance": 200, "provider": {"type": "http", "url": url}}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/readyz",
        "https://127.0.0.1@example.com/",
        "http://localhost.example.com/",
        "http://10.0.0.1/${hold}",
        "${hold}.example.com/",
        "http://[x/",
        "readyz",
    ],
)
def test_an_http_provider_that_calls_another_machine_is_refused_with_its_line(tmp_path: Path, url: str) -> None:
    (problem,) = problems_of(tmp_path, changed("steady-state-hypothesis", "probes", 0, to=http_probe(url)))

    lines = (tmp_path / "x.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "url: " in text)
    assert f"x.yaml:{line}  " in problem.where
    assert "is not this machine" in problem.what
    assert problem.fix == "aim it at the target through holdfast.chaos.probes, or at this machine"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:80/x", "http://localhost/", "http://[::1]:80/", "${hold}", "${hold}/x", "http://${hold}:80/x"],
)
def test_an_http_provider_may_call_this_machine_or_what_the_configuration_says(tmp_path: Path, url: str) -> None:
    assert problems_of(tmp_path, changed("steady-state-hypothesis", "probes", 0, to=http_probe(url))) == []


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("configuration", "far"), http_probe("http://example.com/")),
        (("steady-state-hypothesis", "probes", 0, "tolerance"), http_probe("http://example.com/")),
        (("method", 2), {**REVERT, "provider": {"type": "http", "url": "http://example.com/"}}),
        (("rollbacks", 0, "provider"), {"type": "http", "url": "http://example.com/"}),
    ],
)
def test_no_other_machine_is_called_from_any_place_in_the_file(
    tmp_path: Path, path: tuple[str | int, ...], to: Any
) -> None:
    assert any("is not this machine" in problem.what for problem in problems_of(tmp_path, changed(*path, to=to)))


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "chaos").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_experiments_we_ship_are_sound(path: Path) -> None:
    experiment, problems = load_experiment(path)

    assert problems == []
    assert experiment is not None
    assert experiment.has_steady_state
    assert len(experiment.objectives) == 1
