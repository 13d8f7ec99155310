"""Scenarios and journeys imported without being run, in the children that would run them: their problems out.

Locust patches the process that it is imported in, and an author's file may do anything: never in the runner's own.
"""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from holdfast.clock import SystemClock
from holdfast.errors import HoldfastError, Problem
from holdfast.run.asked import AskedJourney
from holdfast.run.children import Children
from holdfast.run.secrets import environment_of_authors
from holdfast.temporary import TemporaryFolder

Files = Mapping[str, Mapping[str, str]]
"""By child, then by the name of the scenario or journey: the path of its file."""

IMPORT_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_CHILDREN: Final = {"load": ("holdfast.load", "locust"), "synthetics": ("holdfast.synthetics", "playwright")}


def files_by_child(scenarios: Mapping[str, Path], journeys: Iterable[AskedJourney], root: Path) -> Files:
    """What a run's children will import. `root`: the workspace, where paths of journeys begin."""
    return {
        "load": {name: str(path) for name, path in scenarios.items()},
        "synthetics": {journey.name: str(root / journey.path) for journey in journeys},
    }


def import_problems(files: Files, root: Path) -> tuple[Problem, ...]:
    """What is wrong with files of the workspace at `root` that cannot be imported.

    Those whose child lacks its own package are passed over.
    """
    wanted = {child: paths for child, paths in files.items() if paths and find_spec(_CHILDREN[child][1]) is not None}
    if not wanted:
        return ()
    with TemporaryFolder("imports") as logs:
        children = Children(SystemClock(), logs.path, logs_kept=False)
        environment = environment_of_authors(root)
        try:
            for child in wanted:
                children.start(child, _CHILDREN[child][0], environment)
            children.check(wanted, IMPORT_SECONDS)
        except HoldfastError as error:
            return error.problems
        finally:
            children.stop("now")
            children.end(_END_SECONDS)
    return ()
