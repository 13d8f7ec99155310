"""Scenario files read without running them: by their syntax tree, so that nothing is imported before a run starts.

In: paths under `scenarios/`. Out: step names in order (for the funnel), and what is wrong, with file:line.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import Problem, shown
from holdfast.kit.service import ATTACKS
from holdfast.load.thinking import check_spread, mean_of

_VISITOR: Final = "Visitor"
_SERVICE: Final = "service"
_THINK: Final = "think"
_LOCUST_HOOKS: Final = frozenset({"on_start", "on_stop"})  # of a user who stays; a visitor makes one visit
_EXAMPLE: Final = "write `class SignIn(Visitor):` with a method under @task"


@dataclass(frozen=True, slots=True)
class _Step:
    line: int
    name: str | None  # None: not a literal


def steps_of(path: Path) -> tuple[str, ...]:
    """The literal names in `self.step("…")`, each once, in the order they are written."""
    tree, _ = _parsed(path)
    names = [step.name for step in _steps(tree) if step.name is not None] if tree is not None else []
    return tuple(dict.fromkeys(names))


def is_attack(path: Path) -> bool:
    """Whether its visitor says `attack = True`: then only a target that allows attacks is sent it."""
    tree, _ = _parsed(path)
    return tree is not None and any(_says(node, "attack") for node in tree.body if isinstance(node, ast.ClassDef))


def operations_of(path: Path) -> dict[str, int]:
    """The operations that a scenario asks of `self.service`, with the line of the first use of each."""
    tree, _ = _parsed(path)
    found: dict[str, int] = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Attribute) and _last_name(node.value) == _SERVICE:
            found[node.attr] = min(node.lineno, found.get(node.attr, node.lineno))
    return dict(sorted(found.items(), key=lambda used: used[1]))


def check_scenario(path: Path) -> list[Problem]:
    """Everything that is wrong with a scenario file as it is written."""
    tree, problems = _parsed(path)
    if tree is None:
        return problems
    visitors = _visitors(tree)
    if not visitors:
        problems.append(Problem(shown(path), "defines no Visitor", _EXAMPLE))
    if len(visitors) > 1:
        names = ", ".join(found.name for found in visitors)
        where = f"{shown(path)}:{visitors[1].lineno}"
        problems.append(Problem(where, f"defines several visitors: {names}", "one scenario a file; move the others"))
    for visitor in visitors:
        if not any(_is_task(node) for node in ast.walk(visitor)):
            problems.append(Problem(f"{shown(path)}:{visitor.lineno}", f"{visitor.name} has no @task", _EXAMPLE))
        problems += [
            Problem(f"{shown(path)}:{node.lineno}", f"{node.name} is no part of a visit", "move it into the @task")
            for node in visitor.body
            if isinstance(node, ast.FunctionDef) and node.name in _LOCUST_HOOKS
        ]
    problems += [
        Problem(f"{shown(path)}:{line}", "whether it is an attack must be written out", "attack = True")
        for line in _unclear_attacks(tree)
    ]
    if not is_attack(path):
        problems += [
            Problem(f"{shown(path)}:{line}", f"{operation} is what attackers do", "write attack = True in the class")
            for operation, line in _attacking(tree).items()
        ]
    for step in _steps(tree):
        where = f"{shown(path)}:{step.line}"
        if step.name is None:
            problems.append(Problem(where, "a step's name must be written out", 'self.step("open_invoice")'))
        elif not step.name or "/" in step.name:
            fix = "the name joins scenario, step and request by /"
            problems.append(Problem(where, f'"{step.name}" cannot be a step\'s name', fix))
    problems += [
        Problem(f"{shown(path)}:{line}", what, 'write self.think("3s") between two steps')
        for line, what in _wrong_thoughts(tree)
    ]
    return problems


def _parsed(path: Path) -> tuple[ast.Module | None, list[Problem]]:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), []
    except SyntaxError as error:
        where = f"{shown(path)}:{error.lineno}" if error.lineno else shown(path)  # null bytes are in no line
        return None, [Problem(where, f"is not valid Python: {error.msg}")]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        return None, [Problem(shown(path), f"cannot be read: {error}")]


def _visitors(tree: ast.Module) -> list[ast.ClassDef]:
    """Classes that inherit from Visitor, also by way of another class of the file."""
    known = {_VISITOR}
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_last_name(base) in known for base in node.bases):
            known.add(node.name)
            if not _is_abstract(node):
                found.append(node)
    return found


def _steps(tree: ast.Module) -> Iterator[_Step]:
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step"
    ]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        given = call.args[0] if call.args else None
        literal = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None
        yield _Step(call.lineno, literal)


def _wrong_thoughts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """`self.think(…)` as far as it can be read: in no step, and for a time that is one."""
    within = {
        id(node)
        for step in ast.walk(tree)
        if isinstance(step, ast.With) and any(_called(item.context_expr) == "step" for item in step.items)
        for line in step.body
        for node in ast.walk(line)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node) != _THINK:
            continue
        if id(node) in within:
            yield node.lineno, "a visitor thinks between steps: in one, the pause would count as the target's time"
        given = [value.value for value in node.args[:2] if isinstance(value, ast.Constant)]
        try:
            if given and isinstance(given[0], (str, int, float)):
                mean_of(given[0])
            if len(given) > 1:
                check_spread(str(given[1]))
        except ValueError as error:
            yield node.lineno, str(error)


def _called(node: ast.expr) -> str:
    """The method that is called on `self`, if it is one."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ""
    return node.func.attr if _last_name(node.func.value) == "self" else ""


def _is_abstract(node: ast.ClassDef) -> bool:
    return _says(node, "abstract")


def _says(node: ast.ClassDef, name: str) -> bool:
    """Whether the class says `name = True`."""
    return any(isinstance(v, ast.Constant) and v.value is True for _, v in _assigned(node, name))


def _unclear_attacks(tree: ast.Module) -> Iterator[int]:
    """Lines that set `attack` where it cannot be read: to no literal, or anywhere but in a class."""
    clear = {
        line
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for line, value in _assigned(node, "attack")
        if isinstance(value, ast.Constant) and isinstance(value.value, bool)
    }
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) else targets
        for target in targets:
            if _last_name(target) == "attack" and target.lineno not in clear:
                yield target.lineno


def _attacking(tree: ast.Module) -> dict[str, int]:
    """The first line of each operation that only attacks use: of any object, or as text, as `getattr` takes it.

    More than `operations_of` sees: an attack must not pass because it gave the service another name.
    """
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Constant):
            name = node.attr if isinstance(node, ast.Attribute) else node.value
            if name in ATTACKS:
                found[str(name)] = min(node.lineno, found.get(str(name), node.lineno))
    return found


def _assigned(node: ast.ClassDef, name: str) -> Iterator[tuple[int, ast.expr | None]]:
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else []
        targets = [line.target] if isinstance(line, ast.AnnAssign) else targets
        if isinstance(line, (ast.Assign, ast.AnnAssign)):
            yield from ((line.lineno, line.value) for target in targets if _last_name(target) == name)


def _is_task(node: ast.AST) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
        return any(_last_name(decorator) == "task" for decorator in decorators)
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "tasks" for t in node.targets)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
