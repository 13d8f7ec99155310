"""How each kind of fault is taken out, given the arguments in its undo entry. Every repair may be repeated.

A repair returns what it did, in words. It raises `Gone` when what the fault was in has ended, and a HoldfastError when
the fault may still be there. Each is bounded in time: some seconds a call, and `READY_SECONDS` to see a process run.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from holdfast.chaos.supervisor import RUNNING, Supervisor, SupervisorRefusedError
from holdfast.digits import whole
from holdfast.errors import CleanUpError, InputError, Problem, TargetError
from holdfast.proxy.access import TOKEN_VARIABLE as PROXY_TOKEN_VARIABLE
from holdfast.proxy.client import ProxyClient, ProxyRefusedError
from holdfast.workspace.target import is_loopback

Arguments = Mapping[str, str]
Tokens = Mapping[str, str]
"""Tokens of supervisors and fault proxies, by their address."""
Repair = Callable[[Arguments, Tokens], str]

REMOVE_TOXIC: Final = "remove_toxic"  # proxy_url, state_file, link, toxic, lease
ENABLE_LINK: Final = "enable_link"  # proxy_url, state_file, link, lease
START_PROCESS: Final = "start_process"  # control_url, state_file, process
RESUME_PROCESS: Final = "resume_process"  # control_url, state_file, process, pid

TOKEN_VARIABLE: Final = "HOLDFAST_CONTROL_TOKEN"  # noqa: S105 - a variable's name
READY_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.2


class Gone(Exception):  # noqa: N818 - a fact, not an error
    """What the fault was in has ended, and the fault with it."""


def remove_toxic(arguments: Arguments, tokens: Tokens) -> str:
    client = _proxy(arguments, tokens)
    try:
        client.remove_toxic(arguments["link"], arguments["toxic"])
        _release(client, arguments)
    except TargetError:
        _raise_if_nobody_listens(arguments["proxy_url"], "the fault proxy has ended, and its toxics with it")
        raise
    except ProxyRefusedError as refused:
        _raise_if_unauthorized(arguments, refused)
        raise
    return f"took toxic {arguments['toxic']} off link {arguments['link']}"


def enable_link(arguments: Arguments, tokens: Tokens) -> str:
    client = _proxy(arguments, tokens)
    try:
        client.set_enabled(arguments["link"], True)
        _release(client, arguments)
    except TargetError:
        _raise_if_nobody_listens(arguments["proxy_url"], "the fault proxy has ended, and its links with it")
        raise
    except ProxyRefusedError as refused:
        _raise_if_unauthorized(arguments, refused)
        if refused.status == HTTPStatus.NOT_FOUND:
            raise Gone(f"the fault proxy knows no link {arguments['link']} any more") from None
        raise
    return f"enabled link {arguments['link']}"


def start_process(arguments: Arguments, tokens: Tokens) -> str:
    process = arguments["process"]
    supervisor = _supervisor(arguments, tokens)
    try:
        supervisor.start(process)
        _wait_until_running(supervisor, process)
    except (TargetError, SupervisorRefusedError) as error:
        _raise_if_stack_ended(arguments, error)
        raise
    return f"{process} is running"


def resume_process(arguments: Arguments, tokens: Tokens) -> str:
    process = arguments["process"]
    try:
        try:
            _supervisor(arguments, tokens).resume(process)
        except (TargetError, SupervisorRefusedError) as error:
            _raise_if_stack_ended(arguments, error)
            raise
    except Gone:
        # The supervisor ended, but what it had frozen could not: a stopped process acts on no signal but SIGKILL.
        if _thawed(arguments):
            return f"{process} outlived its supervisor, and was thawed"
        raise
    return f"{process} goes on"


REPAIRS: Final[Mapping[str, Repair]] = {
    REMOVE_TOXIC: remove_toxic,
    ENABLE_LINK: enable_link,
    START_PROCESS: start_process,
    RESUME_PROCESS: resume_process,
}


def _release(client: ProxyClient, arguments: Arguments) -> None:
    if "lease" not in arguments:
        return
    with suppress(ProxyRefusedError):  # a real Toxiproxy has no leases
        client.release(arguments["lease"])


def _proxy(arguments: Arguments, tokens: Tokens) -> ProxyClient:
    url = arguments["proxy_url"]
    state = _state(arguments)
    of_stack = str(state.get("proxy_token") or "") if state.get("proxy_url") == url else ""
    return ProxyClient(url, tokens.get(url) or of_stack or os.environ.get(PROXY_TOKEN_VARIABLE))


def _raise_if_unauthorized(arguments: Arguments, refused: ProxyRefusedError) -> None:
    """A proxy that wants another token than we have may be that of another stack, on the port of one that ended."""
    if refused.status != HTTPStatus.UNAUTHORIZED:
        return
    url, state = arguments["proxy_url"], _state(arguments)
    if state and state.get("proxy_url") != url:
        raise Gone("its stack has ended; another one stands in its place") from None
    where, what = arguments.get("state_file", url), f"does not hold the token of the fault proxy at {url}"
    raise CleanUpError(Problem(where, what, f"set {PROXY_TOKEN_VARIABLE}, or stop that stack")) from None


def _supervisor(arguments: Arguments, tokens: Tokens) -> Supervisor:
    """Raises CleanUpError when no token is to be had, Gone when the stack was stopped."""
    control_url = arguments["control_url"]
    state = _state(arguments)
    token = tokens.get(control_url) or os.environ.get(TOKEN_VARIABLE)
    if state.get("control_url") == control_url:
        token = token or str(state.get("control_token") or "")
    if not token:
        _raise_if_nobody_listens(control_url, "the stack was stopped")
        raise CleanUpError(
            Problem(
                arguments.get("state_file", control_url),
                f"does not tell the control token of {control_url}",
                f"set {TOKEN_VARIABLE}, or stop that stack",
            )
        )
    return Supervisor(control_url, token)


def _state(arguments: Arguments) -> Mapping[str, object]:
    """The stack's state file; nothing when it is gone or half written."""
    try:
        state = json.loads(Path(arguments["state_file"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _wait_until_running(supervisor: Supervisor, process: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    state = "unknown"
    while time.monotonic() < deadline:
        state = next((p.state for p in supervisor.processes() if p.name == process), "unknown")
        if state == RUNNING:
            return
        time.sleep(_POLL_SECONDS)
    raise CleanUpError(Problem(process, f"is {state}, not running, {READY_SECONDS:.0f} s after it was started"))


def _raise_if_stack_ended(arguments: Arguments, error: InputError) -> None:
    state = _state(arguments)
    if isinstance(error, TargetError):
        _raise_if_nobody_listens(arguments["control_url"], "its whole stack has ended")
    elif state and state.get("control_url") != arguments["control_url"]:
        raise Gone("its stack has ended; another one stands in its place")


def _raise_if_nobody_listens(url: str, what: str) -> None:
    """Only on this machine does a refused connection show that the process has ended."""
    parts = urlsplit(url)
    if not is_loopback(url):
        return
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2.0):
            return
    except ConnectionRefusedError:
        raise Gone(f"{what}: nothing is left in") from None
    except OSError:
        return


def is_frozen(pid: str) -> bool | None:
    """Whether a process of this machine lies stopped; None where that cannot be seen."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None
    return state == "T"


def _thawed(arguments: Arguments) -> bool:
    """Continue the process if it still lies frozen. SIGCONT does nothing to one that runs."""
    number = whole(arguments.get("pid", ""))
    if number is None or not is_frozen(str(number)):
        return False
    try:
        os.kill(number, signal.SIGCONT)
    except OSError:
        return False
    return True
