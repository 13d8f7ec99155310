"""The options that say which objectives, and where their history comes from."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.unit.fake_prometheus import fake_prometheus, vector

from holdfast.cli.slo.observing import Asked, observing_options
from holdfast.errors import HoldfastError, InputError
from holdfast.run.definition_files import check_definitions
from holdfast.slo.objective import Objective
from holdfast.slo.window import Span

RUNS = Path(__file__).resolve().parents[1] / "data/runs"

OTHERS = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {{name: prom}}
spec:
  type: prometheus
  connectionDetails: {{url: {url}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {{name: web}}
spec:
  service: web
  indicator:
    metadata: {{name: web-ok}}
    spec:
      ratioMetric:
        counter: true
        good: {{metricSource: {{metricSourceRef: prom, spec: {{query: good}}}}}}
        total: {{metricSource: {{metricSourceRef: prom, spec: {{query: total}}}}}}
  timeWindow: [{{duration: 1h, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.99}}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {{name: mail}}
spec:
  service: mail
  indicator:
    metadata: {{name: mail-ok}}
    spec:
      ratioMetric:
        counter: false
        good: {{metricSource: {{type: csv, spec: {{file: mail.csv, column: sent}}}}}}
        total: {{metricSource: {{type: csv, spec: {{file: mail.csv, column: due}}}}}}
  timeWindow: [{{duration: 1h, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.99}}]
"""


@pytest.fixture
def given() -> Callable[..., Asked]:
    """What a command is handed for its arguments."""

    def asked_by(*arguments: object) -> Asked:
        found: list[Asked] = []

        @click.command()
        @observing_options
        @click.option("--json", "as_json", is_flag=True)
        def command(asked: Asked, as_json: bool) -> None:
            found.append(asked)

        result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return found[0]

    return asked_by


@pytest.fixture
def others(workspace: Path) -> Callable[[str], Path]:
    def write(url: str) -> Path:
        (workspace / "slo/others.yaml").write_text(OTHERS.format(url=url), encoding="utf-8")
        (workspace / "slo/mail.csv").write_text("time,sent,due\n0,9,10\n60,10,10\n", encoding="utf-8")
        return workspace / "slo/others.yaml"

    return write


def _named(asked: Asked, name: str) -> Objective:
    (found,) = [objective for objective in asked.definitions().objectives if objective.name == name]
    assert isinstance(found, Objective)
    return found


def test_without_paths_it_is_the_workspace(given: Callable[..., Asked], workspace: Path) -> None:
    names = [objective.name for objective in given().definitions().objectives]
    assert "sign-in-availability" in names
    assert [o.name for o in given("--only", names[1], "--only", names[0]).definitions().objectives] == names[:2]
    assert [o.name for o in given(workspace / "slo/self_service.yaml").definitions().objectives] == names
    assert [o.name for o in given(workspace / "slo").definitions().objectives] == names


def test_what_is_wrong_with_files_and_names_is_told(given: Callable[..., Asked], workspace: Path) -> None:
    with pytest.raises(InputError, match='there is no objective "sign-in-availabilty"'):
        given("--only", "sign-in-availabilty").definitions()
    (workspace / "slo/bad.yaml").write_text("apiVersion: openslo/v1\nkind: SL0\n", encoding="utf-8")
    (workspace / "empty").mkdir()
    with pytest.raises(InputError) as error:
        given(workspace / "slo", workspace / "none.yaml", workspace / "empty").definitions()
    told = "\n".join(str(problem) for problem in error.value.problems)
    assert 'unknown kind "SL0"' in told
    assert "none.yaml" in told
    assert "there is no *.yaml or *.yml in this folder" in told


def test_a_folder_holds_the_same_objectives_for_every_command(given: Callable[..., Asked], workspace: Path) -> None:
    (workspace / "slo/web/.git").mkdir(parents=True)
    text = OTHERS.format(url="http://127.0.0.1:1")
    for name in ("slo/web/others.yaml", "slo/web/.git/copy.yaml"):
        (workspace / name).write_text(text, encoding="utf-8")
    checked = check_definitions([workspace / "slo"])
    found = given(workspace / "slo").definitions().objectives
    assert [one.name for one in found] == [one.name for one in checked.definitions.objectives]
    assert {"web", "mail"} < {one.name for one in found}


def test_times_have_a_zone(given: Callable[..., Asked], workspace: Path) -> None:
    assert given("--at", "1970-01-01T00:02:00Z").at == given("--at", "120").at == 120.0
    for text in ("2026-01-01T00:00:00", "yesterday", "nan", "-1", "inf", "300000000000"):
        with pytest.raises(click.BadParameter, match=re.escape(text)):
            given("--at=" + text)
    assert given().at > 1.7e9


@pytest.mark.parametrize("text", ["0s", "500ms", "90.5s", "2d", "soon"])
def test_steps_are_whole_seconds(given: Callable[..., Asked], workspace: Path, text: str) -> None:
    with pytest.raises(click.BadParameter):
        given("--step", text)


def test_sources_that_say_two_things_are_refused(given: Callable[..., Asked], workspace: Path) -> None:
    for two in (("--run", "a", "--history", "b"), ("--csv", "a", "--prometheus", "b"), ("--run", "a", "--csv", "b")):
        with pytest.raises(InputError, match="say two things"):
            given(*two).open()
    given("--run", "a", "--prometheus", "http://127.0.0.1:9090").open()  # each for its own objectives


def test_each_objective_has_a_source_of_its_own(given: Callable[..., Asked], others: Callable[[str], Path]) -> None:
    with fake_prometheus(lambda asked: vector((60, "4" if "good" in asked.parameters["query"] else "10"))) as server:
        others(server.url)
        asked = given("--run", RUNS / "fault_hurt", "--at", 120)
        observing = asked.open()
        web, mail = _named(asked, "web"), _named(asked, "mail")
        assert observing.observe(web, Span(0, 60)).history.good.tolist() == [6]
        assert observing.observe(mail, Span(0, 120)).history.good.tolist() == [9, 10]
        assert observing.source(web).name == f"Prometheus at {server.url}"
        assert observing.source(_named(asked, "sign-in-latency")).name.endswith("fault_hurt")
        assert observing.source(web) is observing.source(web)


def test_a_given_prometheus_answers_for_holdfasts_own_too(
    given: Callable[..., Asked], others: Callable[[str], Path]
) -> None:
    with fake_prometheus(lambda _: vector((60, "4"))) as server:
        others("http://127.0.0.1:1")
        asked = given("--prometheus", server.url, "--at", 120)
        observing = asked.open()
        for name in ("web", "sign-in-latency"):
            observing.observe(_named(asked, name), Span(0, 60))
        queries = [one.parameters["query"] for one in server.asked]
    assert "holdfast_response_seconds_bucket" in queries[-1]
    assert "total" in queries[0]


def test_nothing_after_the_moment_of_asking_is_observed(given: Callable[..., Asked], workspace: Path) -> None:
    (workspace / "h.csv").write_text("time,good,total\n0,1,1\n60,1,1\n120,1,1\n", encoding="utf-8")
    asked = given("--csv", workspace / "h.csv", "--at", 130)
    found = asked.open().observe(_named(asked, "sign-in-latency"), Span(0, 600))
    assert found.history.total.tolist() == [1, 1]
    assert asked.open().extent(_named(asked, "sign-in-latency")) == Span(0, 180)
    assert len(asked.open().observe(_named(asked, "sign-in-latency"), Span(0, 600), 10).history) == 13


def test_without_a_run_it_says_what_to_give(given: Callable[..., Asked], workspace: Path) -> None:
    asked = given()
    with pytest.raises(HoldfastError, match="no run was recorded here yet") as error:
        asked.open().source(_named(asked, "sign-in-latency"))
    assert "--history" in error.value.problems[0].fix
    with pytest.raises(HoldfastError, match="is not a run folder"):
        given("--run", "none").open().source(_named(asked, "sign-in-latency"))


def test_a_metric_of_an_unknown_kind_says_what_to_do(
    given: Callable[..., Asked], others: Callable[[str], Path]
) -> None:
    file = others("http://127.0.0.1:1")
    file.write_text(file.read_text("utf-8").replace("type: csv", "type: datadog"), encoding="utf-8")
    asked = given()
    with pytest.raises(InputError, match="counts metrics of datadog") as error:
        asked.open().observe(_named(asked, "mail"), Span(0, 60))
    assert "--csv" in error.value.problems[0].fix


def test_the_newest_run_is_taken_where_none_is_named(given: Callable[..., Any], workspace: Path) -> None:
    import shutil

    for name in ("20260101T000000Z-a", "20260102T000000Z-b"):
        shutil.copytree(RUNS / "fault_hurt", workspace / "runs" / name)
    asked = given()
    observing = asked.open()
    assert observing.source(_named(asked, "sign-in-latency")).name == "the record runs/20260102T000000Z-b"
    both = given("--history", workspace / "runs").open()
    assert both.source(_named(asked, "sign-in-latency")).name == "the history runs (2 records)"
