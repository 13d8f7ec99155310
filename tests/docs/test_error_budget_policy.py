"""The pages on error-budget policies: the reference is written from the shapes; the guide's job does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.slo.policy import policy_schema
from holdfast.slo.policy_terms import CHANGES

ROOT = Path(__file__).resolve().parents[2]
WRITE = os.environ.get("HOLDFAST_GOLDEN") == "write"
PAGE = ROOT / "docs/reference/error-budget-policy.md"
GUIDE = ROOT / "docs/guides/release-gate.md"
HEAD = """\
# Error-budget policies

A document of `kind: ErrorBudgetPolicy`, without an `apiVersion`, in a file of `slo/`. Written from the shapes
themselves by `make golden`; what the gate makes of it is in [the guide](../guides/release-gate.md).

Shares are 0 to 1 of the objective's error budget over its window, durations a number and a unit (`30m`, `6h`, `1d`),
moments a date (its first moment, in UTC) or a time with its offset (`2026-11-30T18:00:00Z`).

"""


def _page() -> str:
    schema = policy_schema()
    parts = [_table("The document", schema, schema)]
    parts += [_table(f"`{title}`", part, schema) for title, part in _parts(schema)]
    kinds = f"Kinds of change, unless `changes` lists others: {', '.join(f'`{kind}`' for kind in CHANGES)}.\n"
    return HEAD + "\n".join([*parts, kinds])


def _parts(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """By the path of the key that holds it, in the order of the document."""
    found: list[tuple[str, dict[str, Any]]] = []

    def walk(part: dict[str, Any], at: str) -> None:
        for key, value in part["properties"].items():
            (name,) = re.findall(r'"#/\$defs/(\w+)"', json.dumps(value)) or [None]
            if name:
                place = f"{at}{key}{'[]' if 'array' in json.dumps(value) else ''}"
                found.append((place, schema["$defs"][name]))
                walk(schema["$defs"][name], f"{place}.")

    walk(schema, "")
    return found


def _table(title: str, part: dict[str, Any], schema: dict[str, Any]) -> str:
    lines = [f"## {title}", "", *([part["description"], ""] if part.get("description") else [])]
    lines += ["| key | | what |", "| --- | --- | --- |"]
    required = part.get("required", [])
    for key, value in part["properties"].items():
        default = value.get("default")
        if key in required:
            need = "required"
        else:
            need = f"`{default}` unless written" if default not in (None, [], False, "") else ""
        if isinstance(default, list) and default:
            need = "see below"
        lines.append(f"| `{key}` | {need} | {_what(value, schema)} |")
    return "\n".join([*lines, ""])


def _what(value: dict[str, Any], schema: dict[str, Any]) -> str:
    text = " ".join(str(value.get("description", "")).split())
    if not text:
        (name,) = re.findall(r'"#/\$defs/(\w+)"', json.dumps(value)) or [None]
        text = str(schema["$defs"][name].get("description", "")) if name else ""
    return " ".join([text, *([f"One of {', '.join(map(str, value['enum']))}."] if "enum" in value else [])]).strip()


def test_golden_the_reference_of_policies_is_what_the_shapes_say() -> None:
    if WRITE:
        PAGE.write_text(_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == _page(), f"{PAGE.name} is out of date: run `make golden`"


def test_every_key_of_a_policy_is_described() -> None:
    assert re.findall(r"\| `(\w+)` \| [^|]* \|  \|", _page()) == []


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The guide's policy beside the shipped objectives, and a history of two quiet windows until now."""
    (tmp_path / "slo").mkdir()
    (tmp_path / "holdfast.yaml").write_text("targets:\n  reference: {stack: reference}\ndefault_target: reference\n")
    shutil.copy(ROOT / "slo/self_service.yaml", tmp_path / "slo")
    (tmp_path / "slo/policy.yaml").write_text(_blocks("yaml")[0])
    return tmp_path


@pytest.mark.skipif(shutil.which("jq") is None, reason="the guide's job needs jq")
@pytest.mark.parametrize(
    ("failing", "code", "said"), [(0, 0, "allow by policy account"), (900, 1, "freeze by policy account")]
)
def test_the_job_of_the_guide_ends_as_its_table_says(workspace: Path, failing: int, code: int, said: str) -> None:
    now = 1795564800
    names = [
        document["metadata"]["name"]
        for document in yaml.safe_load_all((workspace / "slo/self_service.yaml").read_text())
    ]
    rows = [
        f"{now - hour * 3600},{name},{1000 - (failing if hour in range(50, 60) else 0)},1000"
        for name in names
        for hour in range(2 * 28 * 24, 0, -1)
    ]
    (workspace / "history.csv").write_text("\n".join(["time,objective,good,total", *rows]))
    job = yaml.safe_load(_blocks("yaml")[1])
    script = job["jobs"]["gate"]["steps"][-1]["run"]
    holdfast = f'"{sys.executable}" -m holdfast slo gate --at {now} --step 1h --csv history.csv'
    script = script.replace('holdfast slo gate --prometheus "$PROMETHEUS_URL"', holdfast)
    summary = workspace / "summary.md"

    ran = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == code, ran.stderr
    assert said in summary.read_text()


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
