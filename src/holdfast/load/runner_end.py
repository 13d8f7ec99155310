"""Where a load session is told what to do, and tells how it went: the runner's pipe; in a worker, the master."""

from collections.abc import Mapping
from typing import Any, Protocol

from gevent.hub import get_hub

from holdfast.channel import ChildEnd
from holdfast.record.recorder import Folded
from holdfast.record.store import Gauge


class RunnerEnd(Protocol):
    """The messages of `holdfast.channel`. `receive` blocks the greenlet, never the loop; None: the runner is gone."""

    def receive(self) -> Mapping[str, Any] | None: ...
    def tell_event(self, kind: str, at: float, **facts: object) -> None: ...
    def tell_done(self, **facts: object) -> None: ...


class RecordSink(Protocol):
    """Takes what was measured: `run.db`, or the master. Written to from a native thread; closed from the loop."""

    def write(self, folded: Folded) -> None: ...
    def write_gauges(self, gauges: list[Gauge]) -> None: ...
    def close(self) -> None:
        """Returns when all that was written is safe."""
        ...


class PipeEnd:
    """The runner's pipe, read in a native thread of the loop's pool: a patched read would stop the loop."""

    def __init__(self, channel: ChildEnd) -> None:
        self._channel = channel

    def receive(self) -> Mapping[str, Any] | None:
        try:
            message: Mapping[str, Any] | None = get_hub().threadpool.apply(self._channel.receive)
        except ValueError:
            return None  # half a line: the runner died while it wrote
        return message

    def tell_event(self, kind: str, at: float, **facts: object) -> None:
        self._channel.tell_event(kind, at, **facts)

    def tell_done(self, **facts: object) -> None:
        self._channel.tell_done(**facts)
