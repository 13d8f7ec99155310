"""Opening the target: the reference stack is found running or started; a user's own is asked whether it answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast.errors import Problem
from holdfast.kit.plain_client import Rules, UnansweredError, ask
from holdfast.reference import StackSettings, StackState, read_stack, start_stack, stop_stack
from holdfast.reference.state import STATE_FILE
from holdfast.workspace.target import MARKER, Connection, StackDefinition, TargetDefinition
from holdfast.workspace.tls import context_of
from holdfast.workspace.workspace import Workspace

STANDING_STACK: Final = "stack"  # under the workspace's state folder: the one of `holdfast stack up`
_PROBE_SECONDS: Final = 5.0


def standing_stack_folder(workspace: Workspace) -> Path:
    return workspace.state_folder / STANDING_STACK


@contextmanager
def open_target(workspace: Workspace, name: str, definition: TargetDefinition, run_id: str) -> Iterator[Connection]:
    """The way to the target, while the context is open. Raises TargetError.

    A reference stack that stands already (`holdfast stack up`) is used as it is; otherwise one is started for this
    run alone, and ends with it even if the runner is killed.
    """
    if definition.url is not None:
        yield _own(name, definition, workspace.root)
        return
    standing = read_stack(standing_stack_folder(workspace))
    if standing is not None:
        yield connection_to_stack(name, standing)
        return
    given = definition.settings or StackDefinition()
    settings = StackSettings(
        replicas=given.replicas,
        accounts=given.accounts,
        workers=given.workers,
        service_time=given.service_time,
        restart_delay=given.restart_delay,
        failover=given.failover,
        failing_share=given.failing_share,
    )
    state = start_stack(settings, workspace.state_folder / f"stack-{run_id}", owner_pipe=True)
    try:
        yield connection_to_stack(name, state)
    finally:
        stop_stack(state)


def connection_to_stack(name: str, state: StackState) -> Connection:
    """The reference stack, as children reach it."""
    return Connection(
        name=name,
        url=state.url,
        outbox_url=state.outbox_url,
        control_url=state.control_url,
        control_token=state.control_token,
        proxy_url=state.proxy_url,
        proxy_token=state.proxy_token,
        state_file=str(Path(state.state_dir) / STATE_FILE),
        accounts={"generated": state.settings.accounts},
        settings={
            "replicas": state.settings.replicas,
            "workers": state.settings.workers,
            "service_time": state.settings.service_time,
            "restart_delay": state.settings.restart_delay,
        },
    )


def unreachable(name: str, definition: TargetDefinition, root: Path, where: str) -> list[Problem]:
    """Ask a user's target once. Any HTTP answer shows that it is there; what it is worth, the run finds out."""
    tls = definition.tls_in(root)
    rules = Rules(MARKER, deadline=_PROBE_SECONDS, most_bytes=0, own_authority=tls.ca_file is not None)
    try:
        ask(definition.url or "", rules, tls=context_of(tls))
    except UnansweredError as error:
        return [Problem(where, f"target {name}: {error.what}", error.fix)]
    except ValueError as error:
        return [Problem(where, f"target {name}: {error}", "correct its url")]
    return []


def _own(name: str, definition: TargetDefinition, root: Path) -> Connection:
    accounts = definition.accounts
    return Connection(
        name=name,
        url=(definition.url or "").rstrip("/"),
        outbox_url=definition.outbox_url,
        adapter=str(root / definition.adapter) if definition.adapter else None,
        accounts={"file": str(root / accounts.file)} if accounts else {},
        code_margin=definition.code_margin,
        tls=definition.tls_in(root),
        settings={"replicas": definition.replicas} if definition.replicas is not None else {},
    )
