"""One direction of one connection: bytes in, through the toxics that touch it, out; and back-pressure the other way.

    source ──▶ Stage ──▶ Stage ──▶ sink          no toxic: source ──▶ sink, one call, nothing allocated

A stage keeps its effect's events until they are due. Whoever holds too much (a stage, or the sink's transport) blocks
the pipe: the source is not read until nobody blocks. Everything here is synchronous and ends at once: adding, updating
and removing a toxic on a live stream never waits for that stream.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.proxy.toxics import Toxic
from holdfast.proxy.toxics.effect import Effect, Event, What


@dataclass(slots=True)
class Exposure:
    """What a toxic really touched, since the proxy was created."""

    connections: int = 0
    chunks: int = 0


class Owner(Protocol):
    """The connection that a pipe is half of."""

    def close(self) -> None: ...
    def abort(self) -> None: ...
    def reset(self) -> None: ...
    def half_closed(self) -> None: ...


class Timers(Protocol):
    """What a chain needs of the event loop."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None], /) -> asyncio.TimerHandle: ...


class Outlet(Protocol):
    def data(self, chunk: bytes) -> None: ...
    def end(self) -> None: ...


class Pipe:
    """One direction. `inlet` is None while no toxic touches it: then the reader writes to `write` directly."""

    __slots__ = (
        "_blockers", "_owner", "_sink", "_source", "_stages", "carried", "closed", "cut_at_end", "ended", "inlet",
        "source_ended", "timers", "write",
    )  # fmt: skip

    def __init__(self, owner: Owner, timers: Timers) -> None:
        self._owner = owner
        self.timers = timers
        self._source: asyncio.Transport | None = None
        self._sink: asyncio.Transport | None = None
        self._stages: list[Stage] = []
        self._blockers: set[object] = set()
        self.inlet: Stage | None = None
        self.write: Callable[[bytes], None] = _nowhere
        self.carried = 0  # bytes read from the source
        self.source_ended = False
        self.ended = False  # the end of file reached the sink
        self.cut_at_end = False
        self.closed = False

    def connect(self, source: asyncio.Transport, sink: asyncio.Transport) -> None:
        self._source, self._sink = source, sink
        self.write = sink.write

    # What the source says

    def data(self, chunk: bytes) -> None:
        """At the outlet: to the sink."""
        if not (self.ended or self.closed):
            self.write(chunk)

    def source_end(self) -> None:
        self.source_ended = True
        (self.inlet or self).end()

    def end(self) -> None:
        """At the outlet: the end of file, passed on as a half-close, unless a toxic decided to cut."""
        if self.ended or self.closed:
            return
        self.ended = True
        if self.cut_at_end:
            self._owner.close()
            return
        try:
            if self._sink is not None:
                self._sink.write_eof()
        except OSError:  # the socket is gone, and its connection_lost is on the way
            self._owner.abort()
        else:
            self._owner.half_closed()

    # What an effect decides

    def cut(self, outlet: Outlet) -> None:
        self.cut_at_end = True
        outlet.end()

    def reset(self) -> None:
        self._owner.reset()

    # Back-pressure

    def block(self, blocker: object) -> None:
        if not self._blockers and self._source is not None:
            self._source.pause_reading()
        self._blockers.add(blocker)

    def unblock(self, blocker: object) -> None:
        if blocker in self._blockers:
            self._blockers.discard(blocker)
            # Reading on after the end of file would only find it again.
            if not (self._blockers or self.source_ended or self.closed) and self._source is not None:
                self._source.resume_reading()

    # The chain

    def arrange(self, toxics: Sequence[tuple[Toxic, Exposure]], chance: random.Random) -> None:
        """Make the chain be `toxics`, in this order; what removed and replaced stages held flows on.

        A stage whose toxic is unchanged stays as it is. May close the connection: `Effect.heals_by_cutting`.
        """
        before = {stage.toxic.name: stage for stage in self._stages}
        after: list[Stage] = []
        fresh: list[Stage] = []
        for toxic, exposure in toxics:
            stage = before.get(toxic.name)
            if stage is None or stage.toxic is not toxic:
                earlier = stage.effect if stage is not None and stage.toxic.type == toxic.type else None
                seen = stage is not None and stage.seen
                stage = Stage(self, toxic, toxic.attributes.effect(chance, earlier), exposure, seen)
                fresh.append(stage)
            after.append(stage)
        retired = [stage for stage in self._stages if stage not in after]
        outlet: Outlet = self
        for stage in reversed(after):
            stage.outlet = outlet
            outlet = stage
        self._stages = after
        self.inlet = after[0] if after else None
        for stage in fresh:
            stage.open()
        # Nearest the source first: what one lets go passes the next, which is let go after it.
        for stage in retired:
            successor = next((new for new in fresh if new.toxic.name == stage.toxic.name), None)
            stage.retire(successor)

    def close(self) -> None:
        """Forget everything held; nothing comes out any more."""
        self.closed = True
        self.write = _nowhere
        self._source = self._sink = None
        for stage in self._stages:
            stage.discard()
        self._stages = []
        self.inlet = None


class Stage:
    """One toxic at work on one direction of one connection."""

    __slots__ = ("_exposure", "_held", "_pipe", "_queue", "_timer", "_timers", "effect", "outlet", "seen", "toxic")

    def __init__(self, pipe: Pipe, toxic: Toxic, effect: Effect, exposure: Exposure, seen: bool) -> None:
        self.toxic = toxic
        self.effect = effect
        self.outlet: Outlet = pipe
        self._pipe = pipe
        self._exposure = exposure
        self._timers = pipe.timers
        self._queue: deque[Event] = deque()
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        self.seen = seen

    def open(self) -> None:
        self._take(self.effect.opened(self._timers.time()))

    def data(self, chunk: bytes) -> None:
        self._count()
        self._exposure.chunks += 1
        self._take(self.effect.data(chunk, self._timers.time()))

    def end(self) -> None:
        self._count()
        self._take(self.effect.ended(self._timers.time()))

    def retire(self, successor: "Stage | None") -> None:
        """The toxic was removed, or replaced by `successor`: let go what is held."""
        held = list(self._queue)
        self.discard()
        self._pipe.unblock(self)
        if successor is None and self.effect.heals_by_cutting:
            self._pipe.cut(self.outlet)
            return
        receiver: Outlet = successor if successor is not None and self.effect.keeps_when_updated else self.outlet
        if successor is not None and receiver is not successor:
            receiver = successor.outlet
        for event in held:
            if event.what is What.DATA:
                receiver.data(event.data)
            elif event.what is What.END:
                receiver.end()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self._held = 0

    def _count(self) -> None:
        if not self.seen:
            self.seen = True
            self._exposure.connections += 1

    def _take(self, events: Iterable[Event]) -> None:
        now = self._timers.time()
        for event in events:
            if self._pipe.closed:
                return
            if not self._queue and event.due <= now:
                self._emit(event)
            else:
                self._queue.append(event)
                self._held += len(event.data)
        if self._queue and self._timer is None:
            self._timer = self._timers.call_at(self._queue[0].due, self._release)
        if self._held > self.effect.holds_at_most:
            self._pipe.block(self)

    def _release(self) -> None:
        self._timer = None
        # The loop calls a timer up to its clock's resolution early.
        now = self._timers.time() + 1e-6
        while self._queue and self._queue[0].due <= now:
            event = self._queue.popleft()
            self._held -= len(event.data)
            self._emit(event)
            if self._pipe.closed:
                return
        if self._queue:
            self._timer = self._timers.call_at(self._queue[0].due, self._release)
        if self._held <= self.effect.holds_at_most // 2:
            self._pipe.unblock(self)

    def _emit(self, event: Event) -> None:
        if event.what is What.DATA:
            self.outlet.data(event.data)
        elif event.what is What.END:
            self.outlet.end()
        else:
            self._count()
            if event.what is What.CUT:
                self._pipe.cut(self.outlet)
            else:
                self._pipe.reset()


def _nowhere(chunk: bytes) -> None:
    """Where the bytes of a closed connection go."""
