"""Asks a stack's supervisor (its control API) to end, start, freeze and thaw processes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from holdfast.errors import InputError, Problem, TargetError
from holdfast.kit.plain_client import Rules, UnansweredError, ask, printable

REPLICA: Final = "replica"
RUNNING: Final = "running"
PAUSED: Final = "paused"


class SupervisorRefusedError(InputError):
    """The supervisor understood and said no. `status`: its HTTP status."""

    def __init__(self, where: str, status: int, message: str) -> None:
        super().__init__(Problem(where, message))
        self.status = status


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """One process of the stack. `state`: running, paused, restarting or stopped."""

    name: str
    kind: str
    state: str
    pid: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The control API at `url`. Every call raises TargetError when nobody answers, SupervisorRefusedError on a no."""

    url: str
    token: str = field(repr=False)
    timeout: float = 5.0

    def processes(self) -> tuple[ProcessFacts, ...]:
        return tuple(
            ProcessFacts(p["name"], p["kind"], p["state"], p.get("pid"), p.get("url"))
            for p in self._ask("GET", "/status")["processes"]
        )

    def kill(self, process: str) -> None:
        """SIGKILL: it gets no chance to finish anything."""
        self._ask("POST", f"/processes/{quote(process, safe='')}/kill")

    def start(self, process: str) -> None:
        """Now, if it is not running: may be repeated."""
        self._ask("POST", f"/processes/{quote(process, safe='')}/start")

    def pause(self, process: str) -> None:
        """SIGSTOP: the process and its connections stay, nothing answers."""
        self._ask("POST", f"/processes/{quote(process, safe='')}/pause")

    def resume(self, process: str) -> None:
        """SIGCONT: may be repeated."""
        self._ask("POST", f"/processes/{quote(process, safe='')}/resume")

    def _ask(self, method: str, path: str) -> Mapping[str, Any]:
        try:
            answer = ask(
                self.url.rstrip("/") + path,
                Rules("holdfast", synthetic=False, deadline=self.timeout),
                method=method,
                headers={"Authorization": f"Bearer {self.token}"},
            )
        except UnansweredError as error:
            problem = Problem(self.url, f"the supervisor does not answer: {error.what}", "is the stack up?")
            raise TargetError(problem) from None
        if not 200 <= answer.status < 300:
            message = printable(_message(answer.body)) or str(answer.status)
            raise SupervisorRefusedError(f"{method} {self.url}{path}", answer.status, message)
        found: Mapping[str, Any] = json.loads(answer.body) if answer.body else {}
        return found


def _message(body: bytes) -> str:
    """From {"error": {"message": …}} or {"error": …}; else what was said."""
    text = body.decode("utf-8", "replace").strip()
    try:
        error = json.loads(text)["error"]
        return str(error["message"]) if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        return text
