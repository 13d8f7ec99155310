"""Opening the target: the reference stack is found running or started; a user's own is asked whether it answers."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast.errors import Problem
from holdfast.reference import StackSettings, StackState, read_stack, start_stack, stop_stack
from holdfast.reference.state import STATE_FILE
from holdfast.workspace.target import Connection, StackDefinition, TargetDefinition
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
    url, context = definition.url or "", context_of(definition.tls_in(root))
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_SECONDS, context=context):  # noqa: S310 - http(s) only
            return []
    except urllib.error.HTTPError:
        return []
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            what = f"target {name}: the certificate of {url} is not trusted: {reason.verify_message}"
            return [Problem(where, what, "name the authority that signed it: tls: {ca_file: …} beside its url")]
        fix = "start it, or correct its url"
        return [Problem(where, f"target {name}: {url} does not answer: {reason or type(error).__name__}", fix)]


def _own(name: str, definition: TargetDefinition, root: Path) -> Connection:
    accounts = definition.accounts
    return Connection(
        name=name,
        url=(definition.url or "").rstrip("/"),
        outbox_url=definition.outbox_url,
        adapter=str(root / definition.adapter) if definition.adapter else None,
        accounts={"file": str(root / accounts.file)} if accounts else {},
        tls=definition.tls_in(root),
        settings={"replicas": definition.replicas} if definition.replicas is not None else {},
    )
