"""The kinds of fault, by the name that experiment files give them. To add one: a file here, and a line in `KINDS`."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Final, get_type_hints

from holdfast.chaos.faults.fault import Fault
from holdfast.chaos.faults.latency import Latency
from holdfast.chaos.faults.outage import Outage
from holdfast.chaos.faults.replica_kill import ReplicaKill
from holdfast.chaos.faults.replica_pause import ReplicaPause
from holdfast.errors import Problem
from holdfast.workspace.document import nearest

KINDS: Final[Mapping[str, type[Latency | Outage | ReplicaKill | ReplicaPause]]] = {
    kind.kind: kind for kind in (Latency, Outage, ReplicaKill, ReplicaPause)
}

_WORDS: Final = {int: "a whole number", float: "a number", str: "text"}


def read_fault(kind: str, arguments: Mapping[str, object]) -> tuple[Fault | None, list[Problem]]:
    """The fault described, or all that is wrong with it; each problem's `where` is the argument, or "" for the kind.

    Arguments that are placeholders (`${latency}`) can be judged only when their value is known: with one, there is
    neither a fault nor a problem.
    """
    described = KINDS.get(kind)
    if described is None:
        return None, [Problem("", f'there is no fault "{kind}"', nearest(kind, KINDS))]
    known = {field.name: field for field in fields(described)}
    hints = get_type_hints(described)
    problems = [
        Problem(name, f'{kind} has no argument "{name}"', nearest(name, known))
        for name in arguments
        if name not in known
    ]
    problems += [
        Problem("", f'{kind} needs "{name}"', "add it to the arguments")
        for name, field in known.items()
        if field.default is MISSING and name not in arguments
    ]
    problems += [
        Problem(name, f"{value!r} does not fit {name}", f"write {_WORDS[hints[name]]}")
        for name, value in arguments.items()
        if name in known and not _fits(value, hints[name])
    ]
    if problems or any(_is_placeholder(value) for value in arguments.values()):
        return None, problems
    fault = described(**arguments)  # type: ignore[arg-type]  # each was checked against its field just above
    return fault, [Problem(name, f"{name} {what}") for name, what in fault.mistakes()]


def _is_placeholder(value: object) -> bool:
    return isinstance(value, str) and "${" in value


def _fits(value: object, wanted: type) -> bool:
    if _is_placeholder(value):
        return True
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, wanted) and not isinstance(value, bool)
