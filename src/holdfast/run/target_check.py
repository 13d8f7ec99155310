"""Does the adapter do on its target what scenarios ask for? Every operation once, with real requests.

In: a workspace and a target's name. Out: `TargetCheck`. Only targets that may be aimed at are asked; what is changed is
put back. The adapter runs in this process: it is the user's own file, as it is when a plan is prepared.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.clock import SystemClock
from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.kit.accounts import Account, accounts_of, turned
from holdfast.kit.adapter import adapter_at, made_unasked, operations
from holdfast.kit.code_ledger import shared_ledger
from holdfast.kit.inbox import Inbox, fetcher
from holdfast.kit.plain_client import Rules
from holdfast.load.scenario import operations_of
from holdfast.run.requirements import Checking, check_accounts, check_load, check_reference, find_target
from holdfast.run.target import open_target
from holdfast.run.trial import Book, Tried, Visitor
from holdfast.run.trials import party_of, try_all
from holdfast.workspace.target import Connection
from holdfast.workspace.tls import context_of
from holdfast.workspace.workspace import Workspace

_MOST_ACCOUNTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """What was found. `problems`: one for each broken operation; `left_in`: what could not be put back.

    `cannot_run`: scenarios of the workspace, each with the operations that it needs and the target lacks or breaks.
    """

    target: str
    url: str
    tls_verified: bool
    adapter: str
    tried: tuple[Tried, ...]
    cannot_run: dict[str, tuple[str, ...]]
    problems: tuple[Problem, ...]
    left_in: tuple[Problem, ...]


def check_target(workspace: Workspace, name: str | None, *, destructive: bool) -> TargetCheck:
    """Raises InputError when the target or its adapter cannot be used at all. `destructive`: also what is for ever."""
    checking = Checking(workspace, None, may_ask=True)
    target, definition = find_target(checking, None, name)
    if definition is None:
        raise InputError(*checking.problems)
    check_load(checking, "--target")
    check_reference(checking, target, definition)
    check_accounts(checking, target, definition)
    raise_input_error(checking.problems)
    with open_target(workspace, target, definition, "check") as connection:
        where = f"holdfast.yaml target {target}" if connection.adapter is None else shown(Path(connection.adapter))
        book = _tried(connection, where, workspace.state_folder, destructive=destructive)
        url, tls = connection.url, connection.tls
    tried = tuple(book.tried[operation] for operation in operations())
    lacking = {one.operation for one in tried if one.verdict in {"missing", "broken"}}
    return TargetCheck(
        target=target,
        url=url,
        tls_verified=tls.verify,
        adapter=where if definition.adapter else "the reference stack's",
        tried=tried,
        cannot_run=_cannot_run(workspace, lacking),
        problems=tuple(book.problems),
        left_in=tuple(book.left_in),
    )


def _tried(connection: Connection, where: str, state_folder: Path, *, destructive: bool) -> Book:
    from holdfast.run.plain_client import PlainClient

    adapter = Path(connection.adapter) if connection.adapter is not None else None
    make = adapter_at(adapter)
    clock, ledger = SystemClock(), shared_ledger(state_folder, connection.url, connection.code_margin)
    tls = connection.tls
    rules = Rules(connection.marker)
    inbox = Inbox(connection.outbox_url, fetcher(rules, context_of(tls))) if connection.outbox_url else None

    def come(account: Account) -> Visitor:
        client = PlainClient(connection.url, connection.marker, tls)
        return Visitor(account, client, make(client, inbox, clock, ledger))

    accounts = turned(accounts_of(connection.accounts, 0, _MOST_ACCOUNTS), clock.now())
    book = Book(made_unasked(make, adapter), adapter, where)
    try_all(book, come, party_of(accounts), destructive=destructive)
    return book


def _cannot_run(workspace: Workspace, lacking: set[str]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name in workspace.names("scenarios", ".py"):
        needs = tuple(n for n in operations_of(workspace.folder("scenarios") / f"{name}.py") if n in lacking)
        if needs:
            found[name] = needs
    return found
