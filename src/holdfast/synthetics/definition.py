"""Journey files, read without running them: what they are called, their settings, their steps, what is wrong.

In: the source. Out: a `JourneyDefinition`, or `Problem`s with file and line. By `ast` alone: whoever checks a
workspace needs no Playwright, and the steps that a walk never reached are known all the same.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.record.sample import FAILED, NO_REQUEST, RATE_LIMITED, TRANSPORT_ERROR
from holdfast.workspace.quantity import seconds

_SETTINGS: Final = ("every", "budget", "owner", "runbook")
_MAY_EXPECT: Final = (FAILED, RATE_LIMITED, TRANSPORT_ERROR, NO_REQUEST)
_EXAMPLE: Final = '@journey(every="5m", budget="8s", owner="identity", runbook="docs/runbooks/sign-in.md")'


@dataclass(frozen=True, slots=True)
class JourneySettings:
    """How often a journey is walked, how long a visitor would put up with it, and whom it concerns."""

    every: float  # seconds from one walk's due time to the next one's
    budget: float  # seconds a walk may take; past it the visitor has left
    owner: str  # the team that is told
    runbook: str  # path or address of what to do when it fails
    expect: tuple[str, ...] = ()  # what may go wrong in a walk that ends well all the same


@dataclass(frozen=True, slots=True)
class JourneyDefinition:
    """What a journey's file says."""

    name: str
    path: Path
    description: str  # first paragraph of the file's docstring
    settings: JourneySettings
    steps: tuple[str, ...]  # in the order of the source
    needs_code: bool  # it asks for one-time codes, so its accounts must have a second factor


def expected(text: str) -> tuple[str, ...]:
    """ "failed, rate_limited" → both."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def find_journeys(folder: Path) -> dict[str, Path]:
    """The journey files of a folder by name, sorted; what begins with "_" or "." is none."""
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.name.startswith(("_", "."))}


def check_journey(path: Path) -> list[Problem]:
    """Everything that is wrong with a journey's file; empty when it can be walked."""
    return _Reading(path).problems


def definition_of(path: Path) -> JourneyDefinition:
    """What the file says. Raises InputError with everything that is wrong."""
    reading = _Reading(path)
    raise_input_error(reading.problems)
    if reading.definition is None:
        raise InputError(
            Problem(shown(path), "holds no journey", f"write {_EXAMPLE} above one `async def {path.stem}`")
        )
    return reading.definition


def steps_of(path: Path) -> tuple[str, ...]:
    """The names of the steps, in order. Raises InputError like `definition_of`."""
    return definition_of(path).steps


def settings_of(path: Path) -> JourneySettings:
    """Raises InputError like `definition_of`."""
    return definition_of(path).settings


class _Reading:
    """One pass over one file, collecting what is wrong on the way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.definition: JourneyDefinition | None = None
        tree = self._parsed()
        if tree is not None:
            self._read(tree)

    def _parsed(self) -> ast.Module | None:
        try:
            return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        except SyntaxError as error:
            self._wrong(error.lineno or 1, f"is not Python: {error.msg}")
        except (OSError, ValueError) as error:
            self.problems.append(Problem(shown(self.path), f"cannot be read: {error}"))
        return None

    def _read(self, tree: ast.Module) -> None:
        found = [
            (node, decorator)
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for decorator in node.decorator_list
            if _called_name(decorator) == "journey"
        ]
        if not found:
            self._wrong(1, "holds no journey", f"write {_EXAMPLE} above one `async def {self.path.stem}(visit)`")
            return
        for node, _ in found[1:]:
            self._wrong(node.lineno, f"{node.name}: a second journey in one file", "give each journey its own file")
        function, decorator = found[0]
        visit = self._checked_function(function)
        settings = self._settings(decorator)
        steps = self._steps(tree, function, visit)
        if settings is not None and not self.problems:
            description = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            needs_code = any(_method_of(node, visit) == "code" for node in ast.walk(function))
            self.definition = JourneyDefinition(
                function.name, self.path, description, settings, tuple(steps), needs_code
            )

    def _checked_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        """Check its head; the name of its parameter."""
        if not isinstance(function, ast.AsyncFunctionDef):
            self._wrong(function.lineno, f"{function.name} is not a coroutine", f"write `async def {function.name}`")
        if function.name != self.path.stem:
            self._wrong(
                function.lineno,
                f"the journey is named {function.name}, its file {self.path.stem}",
                "name both alike: a plan names the journey, and finds the file",
            )
        parameters = [*function.args.posonlyargs, *function.args.args]
        if len(parameters) != 1 or function.args.kwonlyargs:
            self._wrong(function.lineno, f"{function.name} must take one argument, the visit")
        return parameters[0].arg if parameters else "visit"

    def _settings(self, decorator: ast.expr) -> JourneySettings | None:
        if not isinstance(decorator, ast.Call):
            self._wrong(decorator.lineno, "@journey has no settings", f"write {_EXAMPLE}")
            return None
        texts: dict[str, str] = {}
        for keyword in decorator.keywords:
            if keyword.arg not in (known := (*_SETTINGS, "expect")):
                self._wrong(
                    keyword.value.lineno, f"@journey has no setting {keyword.arg!r}", f"known: {', '.join(known)}"
                )
            elif not isinstance(keyword.value, ast.Constant) or not isinstance(keyword.value.value, str):
                self._wrong(keyword.value.lineno, f"{keyword.arg} must be written out as a text", f"such as {_EXAMPLE}")
            else:
                texts[keyword.arg] = keyword.value.value
                if not texts[keyword.arg].strip():
                    self._wrong(keyword.value.lineno, f"{keyword.arg} is empty")
        given = {keyword.arg for keyword in decorator.keywords}
        missing = [name for name in _SETTINGS if name not in given]
        if missing or decorator.args:
            what = f"@journey lacks {', '.join(missing)}" if missing else "@journey takes its settings by name"
            self._wrong(decorator.lineno, what, f"such as {_EXAMPLE}")
        every = self._duration(decorator, "every", texts.get("every"))
        budget = self._duration(decorator, "budget", texts.get("budget"))
        if every is None or budget is None:
            return None
        if budget > every:
            self._wrong(
                decorator.lineno,
                f"its budget ({texts['budget']}) is longer than every ({texts['every']})",
                "walks would overlap: lower the budget or walk less often",
            )
        expect = expected(texts.get("expect", ""))
        if unknown := [repr(outcome) for outcome in expect if outcome not in _MAY_EXPECT]:
            what = f"expect names {' and '.join(unknown)}, which a walk cannot expect"
            self._wrong(decorator.lineno, what, f"write one or more of these: {', '.join(_MAY_EXPECT)}")
        return JourneySettings(every, budget, texts.get("owner", ""), texts.get("runbook", ""), expect)

    def _duration(self, decorator: ast.Call, name: str, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            duration = seconds(text)
        except ValueError as error:
            self._wrong(decorator.lineno, f"{name}: {error}")
            return None
        if duration <= 0:
            self._wrong(decorator.lineno, f"{name} must be longer than {text}")
            return None
        return duration

    def _steps(self, tree: ast.Module, function: ast.AST, visit: str) -> list[str]:
        inside = {id(node) for node in ast.walk(function)}
        opened = {
            id(item.context_expr) for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) for item in node.items
        }
        names: list[str] = []
        for call in _in_order(tree):
            if _method_of(call, visit) != "step":
                continue
            if id(call) not in inside:
                self._wrong(call.lineno, "a step outside the journey's function", "what is not reached must be known")
            elif id(call) not in opened:
                self._wrong(call.lineno, "a step that is not entered", 'write `async with visit.step("…"):`')
            elif (problem := _wrong_name(call, names)) is not None:
                self._wrong(call.lineno, problem)
            else:
                names.append(_literal(call))
        if not names and not self.problems:
            self._wrong(1, "the journey has no step", 'write `async with visit.step("…"):` around each of its parts')
        return names

    def _wrong(self, line: int, what: str, fix: str = "") -> None:
        self.problems.append(Problem(f"{shown(self.path)}:{line}", what, fix))


def _called_name(decorator: ast.expr) -> str:
    expression = decorator.func if isinstance(decorator, ast.Call) else decorator
    return expression.id if isinstance(expression, ast.Name) else getattr(expression, "attr", "")


def _method_of(node: ast.AST, visit: str) -> str:
    """ "step" for the call `visit.step(…)`; "" for any other node."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return ""
    owner = node.func.value
    return node.func.attr if isinstance(owner, ast.Name) and owner.id == visit else ""


def _in_order(tree: ast.Module) -> Iterator[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return iter(sorted(calls, key=lambda call: (call.lineno, call.col_offset)))


def _literal(call: ast.Call) -> str:
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def _wrong_name(call: ast.Call, earlier: list[str]) -> str | None:
    name = _literal(call)
    if not name.strip():
        return 'a step needs one name, written out: visit.step("open sign-in")'
    if "/" in name:
        return f"step {name!r}: a name must not hold a slash, which parts journey and step"
    if name in earlier:
        return f"step {name!r} is there twice"
    return None
