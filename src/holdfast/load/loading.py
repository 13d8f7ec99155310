"""Scenario files imported: names and paths in, Visitor classes out, or every problem at once.

Needs Locust; what can be said without it `scenario.check_scenario` says before anything starts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from holdfast.authored import import_file
from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.load.scenario import check_scenario
from holdfast.load.visitor import Visitor
from holdfast.record.sample import DROPPED, NO_REQUEST, OK, OUTCOMES

_MEANT: Final = frozenset({*OUTCOMES, NO_REQUEST} - {OK, DROPPED})


def load_scenarios(paths: Mapping[str, Path]) -> dict[str, type[Visitor]]:
    """The Visitor class of each scenario. Raises InputError with the problems of all files."""
    found: dict[str, type[Visitor]] = {}
    problems: list[Problem] = []
    for name, path in paths.items():
        wrong = check_scenario(path)
        if not wrong:
            scenario, wrong = _load(name, path)
            if scenario is not None:
                found[name] = scenario
        problems += wrong
    raise_input_error(problems)
    return found


def _load(name: str, path: Path) -> tuple[type[Visitor] | None, list[Problem]]:
    module_name = f"holdfast_scenario_{name}"
    try:
        module = import_file(path, module_name)
    except InputError as error:
        return None, list(error.problems)
    visitors = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Visitor)
        and value.__module__ == module_name
        and not value.abstract
    ]
    if len(visitors) != 1:
        names = ", ".join(visitor.__name__ for visitor in visitors) or "none"
        return None, [Problem(shown(path), f"must define one visitor, defines {names}")]
    visitor = visitors[0]
    if not visitor.tasks or any(isinstance(task, type) for task in visitor.tasks):
        what = f"{visitor.__name__}: a visit is one @task method; task sets are not played"
        return None, [Problem(shown(path), what, "write the visit out in one method")]
    unknown = (
        sorted(set(visitor.expect) - _MEANT) if isinstance(visitor.expect, (tuple, list, set, frozenset)) else [""]
    )
    if unknown:
        what = f"{visitor.__name__}.expect names {' and '.join(map(repr, unknown))}, which is not an outcome"
        if unknown == [""]:
            what = f"{visitor.__name__}.expect is not a tuple of outcomes"
        return None, [Problem(shown(path), what, f"write a tuple of these: {', '.join(sorted(_MEANT))}")]
    return visitor, []
