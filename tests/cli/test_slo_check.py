"""`holdfast slo check`: files and folders read together, exit 0 or 2, everything at once."""

import json

import pytest
import yaml
from tests.unit.slo_objects import CONDITION, POLICY, REMOVE, SERVICE, SLI, SLO, TARGET, THRESHOLD, changed

REFERRING = changed(
    SLO,
    ("spec.indicator", REMOVE),
    ("spec.indicatorRef", "quick"),
    ("spec.alertPolicies", [{"alertPolicyRef": "wake-somebody"}]),
)

BURN_WINDOWS = {
    "kind": "BurnWindows",
    "name": "quick",
    "source": "a test",
    "rows": [{"severity": "page", "long": "30m", "short": "5m", "budget": 0.02}],
}


def write(folder, **files):
    for name, made in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(made, sort_keys=False))


def test_the_objectives_of_the_workspace_are_checked_where_nothing_is_named(workspace, holdfast):
    ran = holdfast("slo", "check")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "4 objectives in 4 files are valid\n"


def test_references_are_resolved_among_all_files_and_folders_that_are_named(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, one=REFERRING, parts__sli=SLI, parts__deeper__policy=POLICY, parts__condition=CONDITION)
    (tmp_path / "parts/target.yml").write_text(yaml.safe_dump(TARGET))
    (tmp_path / "parts/.hidden.yaml").write_text("not: one of ours")
    (tmp_path / "parts/readme.md").write_text("not YAML: [")

    apart = holdfast("slo", "check", "one.yaml")
    together = holdfast("slo", "check", "one.yaml", "parts", "parts/sli.yaml")

    assert apart.code == 2
    assert 'there is no SLI "quick" in these files' in apart.err
    assert 'there is no AlertPolicy "wake-somebody" in these files' in apart.err
    assert (together.code, together.out, together.err) == (0, "1 objective in 5 files is valid\n", "")


def test_the_same_name_in_two_files_is_an_error_that_names_both_places(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=SLO, b=changed(SLO, ("spec.objectives.0.target", 0.9)))

    ran = holdfast("slo", "check", ".")

    assert ran.code == 2
    assert 'error b.yaml:4  metadata.name: a second SLO "sign-in" (the first: a.yaml:4  metadata.name)' in ran.err


def test_warnings_go_to_stderr_and_do_not_fail(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=changed(SLO, ("spec.objectives.0.target", 0)))

    ran = holdfast("slo", "check", "a.yaml")

    assert (ran.code, ran.out) == (0, "1 objective in 1 file is valid\n")
    assert "warning a.yaml:" in ran.err
    assert "spec.objectives[0].target: a target of 0 asks nothing" in ran.err


def test_lenient_lets_listed_rules_pass_with_a_warning(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=changed(SLO, ("spec.objectives.0.op", "gt"), ("spec.budgetingMethod", REMOVE)))

    strict, lenient = holdfast("slo", "check", "a.yaml"), holdfast("slo", "check", "--lenient", "a.yaml")

    assert strict.code == 2
    assert '"budgetingMethod" is missing' in strict.err
    assert "note: with --lenient all of this is read, with 2 warnings instead of errors" in strict.err
    assert lenient.code == 0
    assert "read as Occurrences" in lenient.err


def test_a_source_that_cannot_be_asked_is_a_note(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    metric = changed(THRESHOLD, ("thresholdMetric.metricSource.type", "Datadog"))
    write(
        tmp_path,
        a=changed(SLO, ("spec.indicator.spec", metric), ("spec.objectives.0", {"target": 0.9, "op": "lt", "value": 1})),
    )

    ran = holdfast("slo", "check", "a.yaml")

    assert ran.code == 0
    assert ran.err.startswith("note: holdfast cannot ask datadog, so it reads sign-in and does not judge it")


def test_scripts_get_the_facts_as_json(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=REFERRING, b=[SLI, POLICY, CONDITION, TARGET, SERVICE], c=BURN_WINDOWS)

    ran = holdfast("slo", "check", "--json", ".")

    facts = json.loads(ran.out)
    assert (ran.code, facts["problems"], facts["warnings"]) == (0, [], [])
    assert facts["files"] == ["a.yaml", "b.yaml", "c.yaml"]
    (objective,) = facts["objectives"]
    assert objective["name"] == "sign-in"
    assert objective["judged_by"] == ["run", "status"]
    assert objective["alert_policies"] == ["wake-somebody"]


def test_scripts_get_the_problems_as_json(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, a=changed(SLO, ("spec.objectves", 1)))

    ran = holdfast("slo", "check", "--json", ".")

    (problem,) = json.loads(ran.out)["problems"]
    assert ran.code == 2
    assert problem["where"].endswith("  spec.objectves")
    assert 'did you mean "objectives"' in problem["fix"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("nowhere.yaml", None, "there is no such file"),
        ("empty.yaml", "", "is empty"),
        ("broken.yaml", "a: [", "not YAML"),
        ("list.yaml", "- 1", "expected an OpenSLO object"),
        ("text.yaml", "hello", "expected an OpenSLO object"),
        ("sloth.yaml", "version: prometheus/v1\nservice: x\nslos: []\n", "this is a file of Sloth"),
    ],
)
def test_whatever_is_named_gets_an_exact_explanation(tmp_path, monkeypatch, holdfast, name, text, told):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)

    ran = holdfast("slo", "check", name)

    assert ran.code == 2
    assert ran.out == ""
    assert told in ran.err
    assert name in ran.err


def test_a_folder_without_files_is_told(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)

    ran = holdfast("slo", "check", ".")

    assert ran.code == 2
    assert "there is no *.yaml or *.yml in this folder" in ran.err


def test_a_plan_may_name_a_file_whose_indicators_lie_in_another_of_slo(workspace, holdfast):
    documents = list(yaml.safe_load_all((workspace / "slo/self_service.yaml").read_text()))
    inline = documents[0]["spec"].pop("indicator")
    documents[0]["spec"]["indicatorRef"] = "sign-in-ok"
    sli = {"apiVersion": "openslo/v1", "kind": "SLI", **inline}
    (workspace / "slo/self_service.yaml").write_text(yaml.safe_dump_all(documents))
    write(workspace / "slo", parts__indicators=sli)

    ran = holdfast("validate")

    assert ran.code == 0, ran.err


def test_objectives_that_no_plan_names_need_not_be_judged_by_a_run(workspace, holdfast):
    metric = changed(THRESHOLD)
    slo = changed(SLO, ("spec.indicator.spec", metric), ("spec.objectives.0", {"target": 0.9, "op": "lt", "value": 1}))
    write(workspace / "slo", production=slo)

    assert holdfast("validate").code == 0


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"url": "127.0.0.1:9090"}, "is not an http or https address"),
        ({"url": "https://prometheus.example", "token": "abcdef"}, "would be a secret in a file"),
        ({"url": "https://prometheus.example", "tokenEnv": "AWS_SECRET"}, "only variables with PROM in their name"),
        ({"url": "https://me:abcdef@prometheus.example"}, "more than scheme, host, port and path"),
    ],
)
def test_a_source_that_no_command_would_ask_does_not_pass(tmp_path, monkeypatch, holdfast, details, told):
    monkeypatch.chdir(tmp_path)
    source = {
        "apiVersion": "openslo/v1",
        "kind": "DataSource",
        "metadata": {"name": "ours"},
        "spec": {"type": "Prometheus", "connectionDetails": details},
    }
    write(tmp_path, a=SLO, b=source)

    ran = holdfast("slo", "check", ".")

    assert ran.code == 2
    assert "b.yaml" in ran.err
    assert "spec.connectionDetails" in ran.err
    assert told in ran.err
    assert "abcdef" not in ran.err


def test_whether_the_environment_holds_a_secret_is_not_asked_by_a_check(tmp_path, monkeypatch, holdfast):
    monkeypatch.chdir(tmp_path)
    details = {"url": "https://prometheus.example", "tokenEnv": "PROM_TOKEN_OF_NOBODY", "team": "ours"}
    source = {
        "apiVersion": "openslo/v1",
        "kind": "DataSource",
        "metadata": {"name": "ours"},
        "spec": {"type": "Prometheus", "connectionDetails": details},
    }
    write(tmp_path, a=SLO, b=source)

    assert holdfast("slo", "check", ".").code == 0
