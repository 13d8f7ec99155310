"""Whole commands in this process: arguments in, exit code and both streams out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.cli.program import invoke
from holdfast.workspace.starter import copy_starter


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    copy_starter(folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def holdfast(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        code = invoke(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prometheus that does not answer is asked again at once: the waits between are tested with a fake clock."""
    monkeypatch.setattr("holdfast.slo.sources.prometheus.api._WAITS", (0.0, 0.0, 0.0))
