"""The jobs of the guide on CI, each step of them run as a runner would run it, in a workspace with a short plan.

`pip` is the real one with no index: it must find what the job asks for installed. `playwright install` would download a
browser, so it is only heard.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

GUIDE = (Path(__file__).parents[2] / "docs/guides/run-in-ci.md").read_text(encoding="utf-8")
SHORT = """\
kind: Plan
description: Ten visitors, which prove nothing.
target: reference
phases: [{name: smoke, for: 6s}]
load: [{profile: smoke}]
objectives: [{file: slo/self_service.yaml, only: [sign-in-availability]}]
"""


@dataclass(frozen=True)
class Step:
    """One script of a job; `environment` as the job gives it, secrets filled in by the test."""

    name: str
    script: str
    environment: dict[str, str]


def _job(within: str):
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]
    return next(block for block in blocks if within in block)


def _github() -> list[Step]:
    job = _job("jobs")["jobs"]["holdfast"]
    steps = [step for step in job["steps"] if "run" in step]
    return [Step(s["name"], s["run"], {**job["env"], **s.get("env", {})}) for s in steps]


def _gitlab() -> list[Step]:
    """A runner joins the lines of a job into one script each for before_script with script."""
    job = _job("holdfast")["holdfast"]
    lines = [*job["before_script"], *job["script"]]
    return [Step(line.splitlines()[0][:40], line, {}) for line in lines]


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A fresh checkout, and a shell in it as CI's: this environment's programs first, and no index to install from."""
    checkout = tmp_path / "checkout"
    copy_starter(checkout)
    (checkout / "plans/ci.yaml").write_text(SHORT, encoding="utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    _program(programs / "playwright", f'echo "$@" >> {tmp_path}/playwright.log')
    tools = Path(sys.executable).parent
    (tmp_path / "summary.md").touch()

    def run(step: Step, **given: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{programs}:{tools}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 - the system's own default
            "PIP_NO_INDEX": "1",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            **{name: "" if "${{" in value else value for name, value in step.environment.items()},
            **given,
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.script],
            cwd=checkout, env=environment, capture_output=True, text=True, timeout=240,
        )  # fmt: skip

    run.checkout = checkout  # type: ignore[attr-defined]
    run.tmp = tmp_path  # type: ignore[attr-defined]
    run.programs = programs  # type: ignore[attr-defined]
    return run


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def _pretend(runner, code: int) -> None:
    """A holdfast whose run ends with this exit code."""
    run = {"run": {"id": "20260301T085000Z-ci"}} if code != 2 else {"problems": ["x"]}
    folder = runner.checkout / "runs/20260301T085000Z-ci"
    folder.mkdir(parents=True)
    (folder / "report.md").write_text("## the report\n", encoding="utf-8")
    (folder / "junit.xml").write_text("<testsuites/>", encoding="utf-8")
    _program(
        runner.programs / "holdfast",
        f'[ "$1" = report ] && {{ echo "VERDICT of $2"; exit 0; }}\necho \'{json.dumps(run)}\'\nexit {code}',
    )


def _of_plan(steps: list[Step]) -> Step:
    return next(step for step in steps if "holdfast run ci" in step.script)


JOBS = {"github": _github, "gitlab": _gitlab}


@pytest.mark.parametrize("job", JOBS)
def test_every_step_runs_in_a_fresh_checkout_and_the_verdict_is_in_its_log(runner, job):
    steps = JOBS[job]()
    logs = []
    for step in steps:
        ran = runner(step, INCONCLUSIVE="warning")
        logs.append(ran.stdout + ran.stderr)
        expected = 3 if job == "gitlab" and step is _of_plan(steps) else 0
        assert ran.returncode == expected, f"{step.name}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
    log = logs[steps.index(_of_plan(steps))]
    assert re.search(r"\? INCONCLUSIVE|! INVALID", log)
    assert "Was every objective met?" in log
    assert "install --with-deps chromium" in (runner.tmp / "playwright.log").read_text(encoding="utf-8")
    kept = runner.checkout / "holdfast-run"
    assert {"report.html", "report.md", "junit.xml", "summary.json"} <= {path.name for path in kept.iterdir()}
    assert json.loads((kept / "summary.json").read_text())["exit_code"] == 3
    if job == "github":
        assert "::warning title=holdfast::" in log
        assert (runner.tmp / "summary.md").read_text(encoding="utf-8") == (kept / "report.md").read_text("utf-8")


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 70, 130])
def test_the_job_ends_as_the_run_did(runner, job, code):
    _pretend(runner, code)
    ran = runner(_of_plan(JOBS[job]()))
    assert ran.returncode == code, ran.stderr
    assert ("VERDICT of 20260301T085000Z-ci" in ran.stdout) == (code != 2)
    assert (runner.checkout / "holdfast-run/junit.xml").is_file() == (code != 2)
    assert "::warning" not in ran.stdout


@pytest.mark.parametrize(("code", "ends"), [(3, 0), (1, 1), (4, 4)])
def test_as_a_warning_is_taken_what_is_inconclusive_and_nothing_else(runner, code, ends):
    _pretend(runner, code)
    ran = runner(_of_plan(_github()), INCONCLUSIVE="warning")
    assert ran.returncode == ends
    assert ("::warning" in ran.stdout) == (code == 3)


def test_gitlab_takes_exit_code_three_as_a_warning_and_nothing_else():
    assert _job("holdfast")["holdfast"]["allow_failure"] == {"exit_codes": [3]}


def test_accounts_from_a_secret_are_their_owners_alone_and_without_one_there_is_no_file(runner):
    step = next(step for step in _github() if "accounts.csv" in step.script)
    assert runner(step).returncode == 0
    path = runner.checkout / "accounts.csv"
    assert not path.exists()
    assert runner(step, ACCOUNTS="email,password,totp_secret\na@accounts.invalid,x,").returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    secret = runner.tmp / "secret"
    secret.write_text("email,password,totp_secret\n", encoding="utf-8")
    step = next(step for step in _gitlab() if "accounts.csv" in step.script)
    assert runner(step, ACCOUNTS=str(secret)).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_both_jobs_keep_what_they_download_and_publish_what_they_ran_whatever_came_of_it():
    github = _job("jobs")["jobs"]["holdfast"]["steps"]
    cached = next(step["with"]["path"] for step in github if "actions/cache" in step.get("uses", ""))
    assert {"~/.cache/pip", "~/.cache/ms-playwright"} == set(cached.split())
    kept = next(step for step in github if "upload-artifact" in step.get("uses", ""))
    assert (kept["if"], kept["with"]["path"]) == ("always()", "holdfast-run/")
    gitlab = _job("holdfast")["holdfast"]
    folders = [
        gitlab["variables"][name].removeprefix("$CI_PROJECT_DIR/")
        for name in ("PIP_CACHE_DIR", "PLAYWRIGHT_BROWSERS_PATH")
    ]
    (cache,) = gitlab["cache"]["paths"]
    assert [folder.partition("/")[0] for folder in folders] == [cache.rstrip("/")] * 2
    assert gitlab["artifacts"]["when"] == "always"
    assert gitlab["artifacts"]["reports"]["junit"] == "holdfast-run/junit.xml"


def test_the_recipe_for_any_job_prints_the_verdict_and_ends_as_the_run_did(runner):
    script = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)[0]
    for code in (0, 1, 3):
        _pretend(runner, code)
        ran = runner(Step("recipe", script, {}))
        assert (ran.returncode, "VERDICT of" in ran.stdout) == (code, True)
        shutil.rmtree(runner.checkout / "runs")
