"""Experiment files under `chaos/`: read and strictly checked; every problem of a file at once.

Beside the schema: each action has its undo, float tolerances (which Chaos Toolkit cannot judge) are refused, what a
python provider names exists and takes these arguments, http providers call this machine only, placeholders and
references are declared.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from holdfast.chaos.faults import KINDS, read_fault
from holdfast.chaos.schema import (
    ACTIONS,
    EXTENSION,
    PROBES,
    Activity,
    ExperimentDefinition,
    FaultName,
    HoldfastExtension,
    PythonProvider,
    is_foreign_action,
)  # fmt: skip
from holdfast.errors import Problem
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath, load_document, nearest
from holdfast.workspace.target import is_loopback

_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BLOCK: Final = "- {name: holdfast, hypothesis: recover, max_duration: 60s, fault: {kind: latency, target: postgres}}"

_HYPOTHESIS: Final = "steady-state-hypothesis"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A checked experiment. `data` is the file's content, as Chaos Toolkit takes it; durations are seconds."""

    name: str
    path: Path
    title: str
    description: str
    hypothesis: Literal["resist", "recover"]
    max_duration: float
    recover_within: float
    fault: FaultName
    has_steady_state: bool
    data: Mapping[str, Any] = field(repr=False)

    @property
    def injections(self) -> list[Mapping[str, Any]]:
        """The arguments of each `inject` of the method, its kind as `fault`."""
        return [activity["provider"]["arguments"] for activity in self.data["method"] if _is_ours(activity, "inject")]

    @property
    def has_foreign_actions(self) -> bool:
        """Whether its method does something that holdfast does not: it may hit whatever it likes."""
        return any(is_foreign_action(activity) for activity in self.data["method"])

    @property
    def foreign_rollbacks(self) -> list[Mapping[str, Any]]:
        """The rollbacks that are actions and not ours; one that only names an activity is that activity."""
        named = {activity.get("name"): activity for activity in self.data["method"]}
        played = [named.get(a["ref"], a) if "ref" in a else a for a in self.data.get("rollbacks", [])]
        return [activity for activity in played if is_foreign_action(activity)]

    @property
    def objectives(self) -> list[str]:
        """The objectives its steady state is judged by: a run that does not measure them cannot begin the fault."""
        probes = self.data.get(_HYPOTHESIS, {}).get("probes", [])
        return [str(p["provider"]["arguments"]["name"]) for p in probes if _is_ours(p, "objective_holds", PROBES)]


def load_experiment(path: Path) -> tuple[Experiment | None, list[Problem]]:
    """The experiment of a file, or all that is wrong with it. Imports the modules that its providers name."""
    document, problems = load_document(path)
    if document is None or problems:
        return None, problems
    definition, problems = bind(ExperimentDefinition, document)
    if definition is None:
        return None, problems
    extension, problems = _extension(document, definition)
    problems += [
        problem
        for check in (_activity_problems, _address_problems, _undo_problems, _reference_problems, _placeholder_problems)
        for problem in check(document, definition)
    ]
    if extension is not None:
        problems += _fault_problems(document, definition, extension)
    if extension is None or problems:
        return None, problems
    hypothesis = definition.hypothesis
    return Experiment(
        name=path.stem,
        path=path,
        title=definition.title,
        description=definition.description,
        hypothesis=extension.hypothesis,
        max_duration=extension.max_duration,
        recover_within=extension.recover_within,
        fault=extension.fault,
        has_steady_state=hypothesis is not None and bool(hypothesis.probes),
        data=document.data,
    ), []


def _extension(document: Document, definition: ExperimentDefinition) -> tuple[HoldfastExtension | None, list[Problem]]:
    for index, extension in enumerate(definition.extensions):
        if extension.get("name") == EXTENSION:
            return bind(HoldfastExtension, document, ("extensions", index))
    what = "does not say how long its fault may last, nor what is expected of the target"
    return None, [Problem(document.where(("extensions",)), what, f"add to its extensions: {_BLOCK}")]


def _activities(definition: ExperimentDefinition) -> Iterator[tuple[PropertyPath, Activity]]:
    """Every activity with its place."""
    probes = definition.hypothesis.probes if definition.hypothesis is not None else []
    yield from (((_HYPOTHESIS, "probes", i), probe) for i, probe in enumerate(probes))
    yield from ((("method", i), activity) for i, activity in enumerate(definition.method))
    yield from ((("rollbacks", i), activity) for i, activity in enumerate(definition.rollbacks))


def _activity_problems(document: Document, definition: ExperimentDefinition) -> Iterator[Problem]:
    for place, activity in _activities(definition):
        if isinstance(activity.provider, PythonProvider):
            yield from _provider_problems(document, (*place, "provider"), activity.provider)
        if place[0] == _HYPOTHESIS:
            yield from _tolerance_problems(document, place, activity)
            if activity.type == "action":
                yield Problem(document.where((*place, "type")), "an action in a hypothesis", "only look: use a probe")


def _tolerance_problems(document: Document, place: PropertyPath, activity: Activity) -> Iterator[Problem]:
    tolerance = activity.tolerance
    where = document.where((*place, "tolerance"))
    if tolerance is None:
        if activity.ref is None:
            yield Problem(where, "a probe without a tolerance", "say what its answer must be: tolerance: true")
    elif isinstance(tolerance, float):
        fix = f"write a range with both ends: tolerance: [{tolerance:g}, {tolerance:g}]"
        yield Problem(where, "Chaos Toolkit cannot judge a fraction as a tolerance", fix)
    elif isinstance(tolerance, list) and not _is_range(tolerance) and len(tolerance) < 3:
        yield Problem(where, "a range needs two numbers, the smaller first", "tolerance: [0, 0.5]")
    elif isinstance(tolerance, dict):
        kinds = ("probe", "regex", "jsonpath", "range")
        if tolerance.get("type") not in kinds:
            yield Problem(where, f"unknown type {tolerance.get('type')!r}", nearest(str(tolerance.get("type")), kinds))
        elif tolerance["type"] == "range" and not _is_range(tolerance.get("range")):
            yield Problem(where, "a range needs two numbers, the smaller first", "range: [0, 0.5]")
        elif tolerance["type"] == "regex" and not _compiles(tolerance.get("pattern")):
            yield Problem(where, f"{tolerance.get('pattern')!r} is no regular expression", "correct its pattern")


def _is_range(ends: object) -> bool:
    return (
        isinstance(ends, list)
        and len(ends) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
        and ends[0] <= ends[1]
    )


def _compiles(pattern: object) -> bool:
    try:
        re.compile(str(pattern))
    except re.error:
        return False
    return isinstance(pattern, str)


def _provider_problems(document: Document, place: PropertyPath, provider: PythonProvider) -> Iterator[Problem]:
    where = document.where((*place, "module"))
    try:
        module = importlib.import_module(provider.module)
    except ImportError as error:
        yield Problem(where, f"{provider.module} cannot be imported: {error}", "install it here, or correct the name")
        return
    except Exception as error:  # noqa: BLE001 - any error a foreign module's own code raises is its problem, told here
        yield Problem(where, f"{provider.module} breaks when it is imported: {type(error).__name__}: {error}", "")
        return
    functions = dict(inspect.getmembers(module, inspect.isfunction))
    function = functions.get(provider.func)
    if function is None:
        public = [name for name in functions if not name.startswith("_")]
        what = f'{provider.module} has no function "{provider.func}"'
        yield Problem(document.where((*place, "func")), what, nearest(provider.func, public))
    elif provider.module == ACTIONS and provider.func == "inject":
        yield from _inject_problems(document, (*place, "arguments"), provider.arguments)
    else:
        yield from _argument_problems(document, (*place, "arguments"), provider, function)


def _inject_problems(document: Document, place: PropertyPath, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    kind = arguments.get("fault")
    if not isinstance(kind, str):
        yield Problem(document.where(place), 'inject needs "fault", the kind of fault', "add it to the arguments")
        return
    _, problems = read_fault(kind, {name: value for name, value in arguments.items() if name != "fault"})
    for problem in problems:
        at = (*place, problem.where) if problem.where else (*place, "fault")
        yield Problem(document.where(at), problem.what, problem.fix)


def _argument_problems(
    document: Document, place: PropertyPath, provider: PythonProvider, function: Callable[..., object]
) -> Iterator[Problem]:
    parameters = inspect.signature(function).parameters
    if any(p.kind in {p.VAR_KEYWORD, p.VAR_POSITIONAL} for p in parameters.values()):
        return
    given = {*provider.arguments, "configuration", "secrets"}  # these two Chaos Toolkit adds by itself
    for name in provider.arguments:
        if name not in parameters:
            what = f'{provider.func} has no argument "{name}"'
            yield Problem(document.where((*place, name)), what, nearest(name, parameters))
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            yield Problem(document.where(place), f'{provider.func} needs "{name}"', "add it to the arguments")


def _address_problems(document: Document, _definition: ExperimentDefinition) -> Iterator[Problem]:
    """An experiment must not call what nobody allowed it to: which targets are, it does not say itself."""
    fix = f"aim it at the target through {PROBES}, or at this machine"
    for section in ("configuration", _HYPOTHESIS, "method", "rollbacks"):
        for place, url in _http_urls(document.data.get(section), (section,)):
            if not _stays_here(url):
                yield Problem(document.where(place), f"{url} is not this machine", fix)


def _http_urls(data: Any, place: PropertyPath) -> Iterator[tuple[PropertyPath, str]]:
    """Of every http provider, those in tolerances and in the configuration too: Chaos Toolkit plays them as well."""
    if isinstance(data, dict):
        provider = data.get("provider")
        if isinstance(provider, dict) and provider.get("type") == "http":
            yield (*place, "provider", "url"), str(provider.get("url"))
        for key, value in data.items():
            yield from _http_urls(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _http_urls(value, (*place, index))


def _stays_here(url: str) -> bool:
    """Whether it is a loopback address, or one that only the configuration knows: "${base}/x", "http://${host}/x"."""
    if _PLACEHOLDER.fullmatch(url.partition("/")[0]):
        return True
    try:
        return is_loopback(url) or bool(_PLACEHOLDER.fullmatch(urlsplit(url).hostname or ""))
    except ValueError:  # it is no address
        return False


def _undo_problems(document: Document, definition: ExperimentDefinition) -> Iterator[Problem]:
    """What the method does, the rollbacks must undo: they are what is played when it is interrupted."""
    ours = [a for a in definition.rollbacks if _named(a, "revert")]
    named = {activity.name: activity for activity in definition.method}
    played = [named.get(activity.ref, activity) for activity in definition.rollbacks]
    others = [a for a in played if a.type == "action" and not _named(a, "inject", "hold", "revert")]
    for index, activity in enumerate(definition.method):
        where = document.where(("method", index))
        if _named(activity, "inject"):
            if not ours:
                fix = f"add to the rollbacks an action with provider {{type: python, module: {ACTIONS}, func: revert}}"
                yield Problem(where, "puts a fault in, and no rollback takes it out", fix)
        elif activity.type == "action" and not _named(activity, "hold", "revert") and not others:
            yield Problem(where, "changes the target, and no rollback undoes it", "add the action that undoes it")


def _named(activity: Activity, *functions: str) -> bool:
    provider = activity.provider
    return isinstance(provider, PythonProvider) and provider.module == ACTIONS and provider.func in functions


def _is_ours(activity: Mapping[str, Any], function: str, module: str = ACTIONS) -> bool:
    provider = activity.get("provider", {})
    return bool(provider.get("module") == module and provider.get("func") == function)


def _reference_problems(document: Document, definition: ExperimentDefinition) -> Iterator[Problem]:
    # Chaos Toolkit looks references up among the hypothesis and the method only.
    names = {a.name for place, a in _activities(definition) if a.name is not None and place[0] != "rollbacks"}
    for place, activity in _activities(definition):
        if activity.ref is not None and activity.ref not in names:
            what = f'there is no activity "{activity.ref}"'
            yield Problem(document.where((*place, "ref")), what, nearest(activity.ref, names))


def _placeholder_problems(document: Document, definition: ExperimentDefinition) -> Iterator[Problem]:
    """Chaos Toolkit hands an undeclared `${name}` on as it stands."""
    declared = {*definition.configuration}
    for group in definition.secrets.values():
        declared |= {*group} if isinstance(group, dict) else set()
    for section in (_HYPOTHESIS, "method", "rollbacks"):
        for place, text in _texts(document.data.get(section), (section,)):
            for name in _PLACEHOLDER.findall(text):
                if name not in declared:
                    what = f"${{{name}}} is declared neither in configuration nor in secrets"
                    yield Problem(document.where(place), what, nearest(name, declared))


def _texts(data: Any, place: PropertyPath) -> Iterator[tuple[PropertyPath, str]]:
    if isinstance(data, str):
        yield place, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*place, index))


def _fault_problems(
    document: Document, definition: ExperimentDefinition, extension: HoldfastExtension
) -> Iterator[Problem]:
    """The fault that reports show must be the one that is put in."""
    kinds = [
        activity.provider.arguments.get("fault")
        for activity in definition.method
        if isinstance(activity.provider, PythonProvider) and _named(activity, "inject")
    ]
    if kinds and set(kinds) <= set(KINDS) and extension.fault.kind not in kinds:
        index = next(i for i, e in enumerate(definition.extensions) if e.get("name") == EXTENSION)
        where = document.where(("extensions", index, "fault", "kind"))
        yield Problem(
            where, f"says {extension.fault.kind}, the method injects {', '.join(map(str, kinds))}", "name that one"
        )
