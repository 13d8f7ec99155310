"""Golden reports, rendered from recorded run folders: nothing is masked, for nothing in them changes.

`make golden` writes them again; the difference is reviewed as code.
"""

import io
import json
import os
import shutil
from dataclasses import asdict
from html import unescape
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from holdfast.report import html, junit, markdown
from holdfast.report.terminal import render
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run
from holdfast.run.summary import Summary, read_summary, summary_schema, write_summary

RUNS = sorted(path for path in (Path(__file__).parents[1] / "data" / "runs").iterdir() if path.is_dir())
WRITE = os.environ.get("HOLDFAST_GOLDEN") == "write"
VERDICTS = {
    "fault_hurt": ("met", 0),
    "no_data": ("inconclusive", 3),
    "killed": ("clean_up_failed", 4),
    "starved_generator": ("invalid", 3),
    "sized": ("measured", 0),
}


@pytest.fixture(params=RUNS, ids=lambda path: path.name)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Summary]:
    """Judged in a copy: reading a record may write beside it."""
    copy = tmp_path / request.param.name
    shutil.copytree(request.param, copy, ignore=shutil.ignore_patterns("expected"))
    (copy / "evidence").mkdir(exist_ok=True)
    return request.param, judge_run(RunFolder(copy))


def _golden(path: Path, text: str) -> None:
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: review it and run `make golden`"


def _terminal(summary: Summary) -> str:
    console = Console(width=80, force_terminal=False, color_system=None, file=io.StringIO(), _environ={})
    render(summary, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def test_golden_every_report_of_a_recorded_run_is_as_reviewed(recorded: tuple[Path, Summary]) -> None:
    source, summary = recorded
    expected = source / "expected"
    _golden(expected / "summary.json", json.dumps(asdict(summary), indent=1, allow_nan=False) + "\n")
    _golden(expected / "report.md", markdown.render(summary))
    _golden(expected / "junit.xml", junit.render(summary))
    _golden(expected / "terminal.txt", _terminal(summary))


def test_each_recorded_run_has_the_verdict_it_was_recorded_for(recorded: tuple[Path, Summary]) -> None:
    source, summary = recorded
    assert (summary.verdict, summary.exit_code) == VERDICTS[source.name]


def test_a_summary_fits_its_schema_and_survives_the_disk(recorded: tuple[Path, Summary], tmp_path: Path) -> None:
    _, summary = recorded
    write_summary(summary, tmp_path)
    jsonschema.validate(json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")), summary_schema())
    assert asdict(read_summary(tmp_path)) == asdict(summary)


def test_the_page_of_a_recorded_run_shows_its_verdict_and_loads_nothing(recorded: tuple[Path, Summary]) -> None:
    _, summary = recorded
    page = html.render(summary)
    assert summary.headline.split(":")[0] in page
    assert 'src="http' not in page


def test_every_check_that_is_not_valid_is_in_every_report_with_its_reason(recorded: tuple[Path, Summary]) -> None:
    _, summary = recorded
    reports = {
        "page": unescape(html.render(summary)),
        "junit": unescape(junit.render(summary)),
        "markdown": markdown.render(summary).replace("\\", ""),
        "terminal": " ".join(_terminal(summary).split()),
    }
    for check in summary.validity.checks:
        if check.verdict != "valid":
            assert [name for name, text in reports.items() if check.reason not in text] == []


def test_load_adds_up_in_every_recorded_run(recorded: tuple[Path, Summary]) -> None:
    _, summary = recorded
    load = summary.load
    if load is None or not any(check.name == "sealed" for check in summary.validity.checks):
        return
    visits = [s for s in load.series if s.phase == "run" and s.depth == 1]
    assert sum(s.count for s in visits) <= load.planned
