"""The starter workspace: the project's own content folders, shipped in the wheel, copied out by `holdfast init`."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.workspace.bare import ACCOUNTS, FILES

CONTENT_FOLDERS: Final = ("plans", "scenarios", "synthetics", "chaos", "slo", "capacity")
RUNBOOKS: Final = "docs/runbooks"  # what the objectives and journeys name for the one who is woken
ADAPTERS: Final = "adapters"  # an example of one for a stack of the user's own
_PACKAGE: Final = Path(__file__).resolve().parents[1]
_REMOVE: Final = "make room, remove what is there of it, and begin again"
_IGNORED: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def starter_folder() -> Path:
    """Inside the installed package, or the repository itself when it is installed editable."""
    shipped = _PACKAGE / "starter"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1]


def copy_starter(folder: Path) -> list[Path]:
    """Copy it into a new or empty folder. Returns what was made. Raises InputError rather than overwrite anything."""
    source = starter_folder()
    _make(folder, ("holdfast.yaml", *CONTENT_FOLDERS))
    with _writing(folder):
        shutil.copy2(source / "holdfast.yaml", folder / "holdfast.yaml")
        for name in (*CONTENT_FOLDERS, RUNBOOKS, ADAPTERS):
            shutil.copytree(source / name, folder / name, ignore=_IGNORED)
        (folder / ".gitignore").write_text("runs/\n.holdfast/\n", encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_bare(folder: Path) -> list[Path]:
    """Write the smallest workspace for an API of the user's own instead. Returns and raises the same."""
    _make(folder, FILES)
    with _writing(folder):
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == ACCOUNTS:
                path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
    return sorted(folder / name for name in FILES)


def _make(folder: Path, names: Iterable[str]) -> None:
    raise_input_error(
        Problem(shown(folder / name), "is there already", "choose another folder: nothing is overwritten")
        for name in names
        if (folder / name).exists()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            Problem(shown(folder), f"cannot be made: {error.strerror}", "choose another folder")
        ) from error


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What cannot be written names the new folder, where `shutil` names the file that it read."""
    try:
        yield
    except shutil.Error as error:
        failed = error.args[0]
        why = str(failed[0][-1]) if isinstance(failed, list) and failed else str(failed)
        raise InputError(Problem(shown(folder), f"cannot be written whole: {why}", _REMOVE)) from error
    except OSError as error:
        raise InputError(Problem(shown(folder), f"cannot be written whole: {error.strerror}", _REMOVE)) from error
