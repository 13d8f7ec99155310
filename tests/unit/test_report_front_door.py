"""What a run's end writes, and the samples the reports are tested with."""

import json
import subprocess
import sys
from dataclasses import asdict

import jsonschema
import pytest
from tests.unit.report_samples import VARIANTS, fault_hurt

import holdfast.report
from holdfast.report import reporters, write_reports
from holdfast.run.summary import read_summary as read
from holdfast.run.summary import summary_schema, write_summary


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_samples_fit_the_published_schema(variant):
    schema = jsonschema.Draft202012Validator(summary_schema())
    sample = json.loads(json.dumps(asdict(VARIANTS[variant]())))
    assert [error.message for error in schema.iter_errors(sample)] == []
    assert not schema.is_valid(sample | {"verdict": 7}), "a schema that lets everything pass"


def test_all_reports_are_written_and_nothing_else(tmp_path):
    paths = write_reports(fault_hurt(), tmp_path)
    assert [path.name for path in paths] == ["report.html", "junit.xml", "report.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "report.md"]


def test_a_summary_read_back_renders_the_same_reports(tmp_path):
    summary = fault_hurt()
    write_summary(summary, tmp_path)
    again = read(tmp_path)
    for render in reporters().values():
        assert render(again) == render(summary)


def test_a_report_that_cannot_be_rendered_leaves_the_old_one_whole(tmp_path, monkeypatch):
    write_reports(fault_hurt(), tmp_path)
    before = (tmp_path / "junit.xml").read_text()

    def broken(summary):
        raise ValueError

    monkeypatch.setattr(holdfast.report, "reporters", lambda: {"junit": broken})
    with pytest.raises(ValueError):  # noqa: PT011 - our own
        write_reports(fault_hurt(), tmp_path)
    assert (tmp_path / "junit.xml").read_text() == before


def test_the_front_door_is_light():
    heavy = "{'altair', 'vl_convert', 'jinja2'} & set(sys.modules)"
    script = f"import sys, holdfast.report, holdfast.report.terminal; print({heavy})"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
