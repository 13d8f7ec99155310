"""Folders for temporary files: gone with their owner, swept when it was killed, and never while it lives."""

import os
from pathlib import Path

import pytest

from holdfast.reference import remove_abandoned
from holdfast.run.leftovers import sweep_leftovers
from holdfast.run.living import held, runner_of
from holdfast.temporary import TemporaryFolder, sweep
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import Workspace, find_workspace


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    copy_starter(tmp_path / "workspace")
    return find_workspace(tmp_path / "workspace")


def _killed(folder: TemporaryFolder) -> Path:
    """As the kernel does it: the lock goes, the folder stays."""
    os.close(folder._lock)
    return folder.path


def test_a_folder_is_private_and_goes_with_its_context(place: Path) -> None:
    with TemporaryFolder("chaos") as folder:
        assert folder.path.parent == place
        assert folder.path.name.startswith("holdfast-chaos-")
        assert folder.path.stat().st_mode & 0o777 == 0o700
        (folder.path / "context.json").write_text("{}")
    assert list(place.iterdir()) == []
    folder.cleanup()


def test_what_a_killed_owner_left_is_swept_and_what_a_living_one_has_is_not(place: Path) -> None:
    dead = _killed(TemporaryFolder("chaos"))
    (dead / "context.json").write_text("a token")
    with TemporaryFolder("chaos") as living:
        assert sweep() == [dead]
        assert sweep() == []
        assert living.path.is_dir()
    assert list(place.iterdir()) == []


def test_what_is_not_of_this_kind_is_nobodys_to_sweep(place: Path, tmp_path: Path) -> None:
    (place / "holdfast-stack-abc").mkdir()  # without a lock
    (place / "other").mkdir()
    (place / "holdfast-notes.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner.lock").touch()
    (place / "holdfast-link").symlink_to(elsewhere)
    assert sweep() == []
    assert len(list(place.iterdir())) == 4
    assert elsewhere.is_dir()


def test_a_run_lives_as_long_as_its_runner_holds_its_folder(tmp_path: Path) -> None:
    assert runner_of(tmp_path) is None
    with held(tmp_path):
        assert runner_of(tmp_path) == os.getpid()
    assert runner_of(tmp_path) is None
    (tmp_path / "runner.pid").write_text(f"{os.getpid()}\n")  # what a killed one left, its pid given again
    assert runner_of(tmp_path) is None


@pytest.mark.usefixtures("place")
def test_the_stack_of_a_killed_run_is_swept_and_that_of_a_living_one_is_not(workspace: Workspace) -> None:
    for name in ("dead", "living", "check"):
        (workspace.state_folder / f"stack-{name}/logs").mkdir(parents=True)
    for name in ("dead", "living"):
        (workspace.runs_folder / name).mkdir(parents=True)
    with held(workspace.runs_folder / "living"):
        assert sweep_leftovers(workspace) == [workspace.state_folder / "stack-dead"]
    assert (workspace.state_folder / "stack-living/logs").is_dir()
    assert (workspace.state_folder / "stack-check/logs").is_dir()  # no run, and it may just be starting
    os.utime(workspace.state_folder / "stack-check", (0, 0))
    gone = {path.name for path in sweep_leftovers(workspace)}
    assert gone == {"stack-living", "stack-check"}


def test_a_folder_that_a_supervisor_holds_or_that_has_other_files_stays(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "stack/logs").mkdir(parents=True)
    handle = os.open(tmp_path / "stack", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert not remove_abandoned(tmp_path / "stack")
    os.close(handle)
    (tmp_path / "stack/notes.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        remove_abandoned(tmp_path / "stack")
    assert (tmp_path / "stack/notes.txt").is_file()
