"""How a person stops a run: once drains, undoes and seals; twice does not wait for what is in flight."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StopSignal:
    """Set from a signal handler; looked at by the runner."""

    requested: threading.Event = field(default_factory=threading.Event)
    at_once: threading.Event = field(default_factory=threading.Event)

    def request(self) -> None:
        (self.at_once if self.requested.is_set() else self.requested).set()
