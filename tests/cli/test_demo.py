"""How the demo ends: as a run in CI does, or, where it only shows, with 0 once it ran to its end."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.report_samples import all_met

from holdfast.errors import ExitCode, MeasurementError, Problem
from holdfast.run.events import Finished

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ended(monkeypatch, workspace: Path):
    """The demo is prepared as it is shipped; its run ends as asked for, or raises."""
    monkeypatch.chdir(workspace)

    def ends(code: ExitCode | None, headline: str = "") -> None:
        def follow(_prepared, **_options) -> Finished:
            if code is None:
                raise MeasurementError(Problem("load", "ended before it was ready"))
            return Finished(workspace, replace(all_met(), exit_code=int(code), headline=headline))

        monkeypatch.setattr("holdfast.cli.run.follow", follow)

    return ends


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (ExitCode.MET, 0),
        (ExitCode.MISSED, 0),
        (ExitCode.INCONCLUSIVE, 0),
        (ExitCode.WRONG_INPUT, 2),
        (ExitCode.CLEAN_UP_FAILED, 4),
        (ExitCode.INTERRUPTED, 130),
    ],
)
def test_a_demo_that_shows_ends_with_0_for_a_finding_alone_and_prints_the_code_of_ci(
    ended, holdfast, code: ExitCode, shown: int
) -> None:
    ended(code, "Missed: sign-in-latency")

    ran = holdfast("demo", "--show")

    assert ran.code == shown
    assert f"exit code {int(code)}: Missed: sign-in-latency" in ran.err
    assert holdfast("demo").code == int(code)


def test_a_demo_that_did_not_run_to_its_end_is_no_show(ended, holdfast) -> None:
    ended(None)

    assert holdfast("demo", "--show").code == int(ExitCode.INCONCLUSIVE)


def test_make_demo_is_the_demo_that_shows() -> None:
    recipe = re.search(r"^demo:.*\n\t(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert recipe is not None
    assert recipe[1] == "$(BIN)/holdfast demo --show"
