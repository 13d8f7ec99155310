"""How a child process of a run talks with the runner: one JSON object a line, over the child's stdin and stdout.

    runner ── {"check": {...}} ▶ child   where it runs files of an author: import them now, before anything else starts
           ◀─ {"checked": true} ──  or {"problems": [...]} and exit 2
           ── {job} ─────────▶     what to do (never on disk: it may hold passwords)
           ◀─ {"ready": true} ──    prepared; or {"problems": [...]} and exit 2
           ── {"go": t0} ─────▶     the barrier: time 0 of the run, seconds since the epoch, in the near future
           ◀─ {"event": ...} ──     things worth showing as they happen
           ── {"stop": "drain"} ▶   finish what is in flight, then end   ({"stop": "now"}: do not wait)
           ◀─ {"done": {...}} ──    facts for the record; then exit 0

End of file on stdin means that the runner is gone: the child undoes what it did and ends. The child's real stdout
is kept for these lines; whatever it or a process that it starts prints goes to stderr, the child's log. Neither holds a
secret that the child knows of: those of its environment, and what it adds to `redactor`.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from holdfast.child_log import take_standard_streams
from holdfast.errors import Problem
from holdfast.redaction import Redactor, secrets_of

Message = Mapping[str, Any]


class ChildEnd:
    """The child's end of the channel. Make it first thing in the child's main."""

    def __init__(self, incoming: TextIO, outgoing: TextIO, redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()
        self._incoming = incoming
        self._outgoing = outgoing
        self._writing = threading.Lock()

    @classmethod
    def from_standard_streams(cls) -> "ChildEnd":
        """Take stdin and stdout for the channel. Whoever reads stdin then finds it at its end, and what is printed goes
        into the log (stderr): an `input()` or a `breakpoint()` of an author's takes no message from the runner."""
        incoming = os.fdopen(os.dup(0), "r", encoding="utf-8")
        outgoing = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        redactor = Redactor(*secrets_of(os.environ))
        take_standard_streams(redactor)
        return cls(incoming, outgoing, redactor)

    def receive(self) -> Message | None:
        """Block for the next line; None when the runner is gone."""
        line = self._incoming.readline()
        if not line:
            return None
        message: Message = json.loads(line)
        return message

    def tell(self, message: Message) -> None:
        """Send one line; silently nothing when the runner is gone (its end shows as end of file)."""
        line = json.dumps(message, separators=(",", ":")) + "\n"
        try:
            with self._writing:
                self._outgoing.write(line)
                self._outgoing.flush()
        except (BrokenPipeError, ValueError):
            pass

    def tell_ready(self) -> None:
        self.tell({"ready": True})

    def tell_problems(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        told = [self._without_secrets({"where": p.where, "what": p.what, "fix": p.fix}) for p in problems]
        self.tell({"problems": told})

    def tell_event(self, kind: str, at: float, **facts: object) -> None:
        """`kind`: a short snake_case word; `at`: seconds since the epoch."""
        self.tell({"event": kind, "at": at, **self._without_secrets(facts)})

    def tell_done(self, **facts: object) -> None:
        self.tell({"done": self._without_secrets(facts)})

    def on_stop(self, stop: Callable[[str], None]) -> threading.Thread:
        """Call `stop("drain" | "now" | "orphaned")` from a thread of its own when the runner says so or is gone."""

        def listen() -> None:
            while True:
                message = self.receive()
                if message is None:
                    stop("orphaned")
                    return
                if "stop" in message:
                    stop(str(message["stop"]))

        thread = threading.Thread(target=listen, name="channel", daemon=True)
        thread.start()
        return thread

    def _without_secrets(self, facts: Mapping[str, object]) -> dict[str, Any]:
        return {name: _redacted(value, self.redactor) for name, value in facts.items()}


def _redacted(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.without_known(value)
    if isinstance(value, Mapping):
        return {name: _redacted(part, redactor) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(part, redactor) for part in value]
    return value
