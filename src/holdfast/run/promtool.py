"""Rules held against Prometheus' own judge: `promtool check rules` and `promtool test rules`."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from holdfast.environment import for_a_program
from holdfast.slo.rule_files import RuleFile
from holdfast.temporary import TemporaryFolder

_TOOL: Final = "promtool"
_LONGEST: Final = 600.0
_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class PromtoolResult:
    """`skipped`: why it was not run; then nothing was passed. `failures`: what promtool said, a text for each call."""

    state: Literal["passed", "failed", "skipped"]
    checked: int = 0
    tested: int = 0
    skipped: str = ""
    failures: tuple[str, ...] = ()


def held_by_promtool(files: Iterable[RuleFile]) -> PromtoolResult:
    """Rules and tests are written into a temporary folder, and promtool is run on them. `files`: plain rules."""
    tool = shutil.which(_TOOL)
    if tool is None:
        return PromtoolResult("skipped", skipped="promtool is not installed (Debian: apt install prometheus)")
    with TemporaryFolder("rules") as temporary:
        folder = temporary.path
        rules: list[str] = []
        tests: list[str] = []
        for file in files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            (tests if file.is_test else rules).append(file.path)
        calls = [[tool, "check", "rules", *part] for part in _parts(rules)]
        calls += [[tool, "test", "rules", *part] for part in _parts(tests)]
        with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 8)) as pool:
            failures = [said for said in pool.map(lambda call: _run(call, folder), calls) if said]
    return PromtoolResult("failed" if failures else "passed", len(rules), len(tests), failures=tuple(failures))


def _run(call: Sequence[str], folder: Path) -> str:
    """What it said, where it did not pass."""
    try:
        done = subprocess.run(
            call,
            cwd=folder,
            env=for_a_program(os.environ),
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(call[:3])} was not done within {_LONGEST:.0f} s"
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip()


def _parts(paths: Sequence[str]) -> list[Sequence[str]]:
    return [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
