"""The one runner: a prepared plan in, events out, a sealed run folder left behind.

    run folder ─▶ files imported ─▶ open the target ─▶ children ready ─▶ one barrier ─▶ watch, once a second ─▶ drain
                                                                       │ guard, Ctrl-C            │
                                                     summary ◀─ seal ◀─ undo everything ◀─────────┘

It is a generator: the live screen, a log or CI annotations consume its events, and it does not know who listens.
Everything it learns goes into the record; the verdict is computed from the run folder alone (`judgement`).
"""

import math
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from typing import Final

from holdfast.chaos.undo import UndoResult, recover
from holdfast.clock import SystemClock
from holdfast.errors import HoldfastError
from holdfast.record.idle_closes import settled_intervals
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.record.timeline import PHASE, Span
from holdfast.run.asked import Asked, AskedPhase, write_asked
from holdfast.run.bad_end import end_badly, judge_ended
from holdfast.run.children import Child, Children, Message
from holdfast.run.events import (
    Finished,
    Notice,
    PhaseStarted,
    Preparing,
    RunEvent,
    Started,
    Tick,
    shown_event,
)
from holdfast.run.folder import RunFolder, create_run_folder
from holdfast.run.guarding import Look, Watch
from holdfast.run.importing import IMPORT_SECONDS
from holdfast.run.jobs import environment_of, files_of, jobs_of, modules_of
from holdfast.run.journey_history import JOURNEY_HISTORY, histories
from holdfast.run.leftovers import sweep_leftovers
from holdfast.run.living import held
from holdfast.run.machine.surroundings import Surroundings
from holdfast.run.pace import PaceKeeper
from holdfast.run.poller import REPLICAS_READY, Poller
from holdfast.run.prepared import Prepared, asked_of
from holdfast.run.room import look_for_room
from holdfast.run.search import SEARCHER, search_capacity
from holdfast.run.standing_faults import STANDING_FAULT, standing_faults
from holdfast.run.stopping import StopSignal
from holdfast.run.summary import FILE_NAME, write_summary
from holdfast.run.target import open_target
from holdfast.workspace.target import Connection

READY_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0  # for children that were told to end now; then they are interrupted
_BARRIER_SECONDS: Final = 0.5  # time 0 lies this far ahead when the children are released
_WIND_DOWN_SECONDS: Final = 25.0  # after the drain was asked for; then a child is interrupted


def run(prepared: Prepared, stop: StopSignal | None = None) -> Generator[RunEvent]:
    """Run it. Yields events, the last one `Finished`. Raises HoldfastError when it could not begin.

    Wrong input that only the children or the target can see is told before time 0, and leaves no run folder. Room for
    its record is looked at first.
    """
    clock = SystemClock()
    sweep_leftovers(prepared.workspace)
    little = look_for_room(prepared)
    if little is not None:
        prepared = replace(prepared, notices=(*prepared.notices, little))
    folder = create_run_folder(prepared.workspace.runs_folder, prepared.name, clock.now())
    started = False
    try:
        with held(folder.path):
            for event in _run_in(folder, prepared, clock, stop or StopSignal()):
                started = started or isinstance(event, Started)
                yield event
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - raised again, as what it means for the run
        yield from end_badly(folder, error, started=started)
        return
    summary = judge_ended(folder)
    unwritten = ""
    try:
        write_summary(summary, folder.path)
    except OSError as error:
        unwritten = f"{FILE_NAME} could not be written: {error.strerror}"
        yield Notice(0.0, "error", unwritten)
    yield Finished(folder.path, summary, unwritten=unwritten)


def _run_in(folder: RunFolder, prepared: Prepared, clock: SystemClock, stop: StopSignal) -> Iterator[RunEvent]:
    asked = asked_of(prepared, folder.path.name, clock.now())
    write_asked(asked, folder)
    with ExitStack() as stack:
        store = stack.enter_context(RunStore.create(folder.database))
        children = Children(clock, folder.logs)
        try:
            yield Preparing("importing what will be run")
            for name, module in modules_of(prepared).items():
                children.start(name, module, environment_of(name, prepared))
            children.check(files_of(prepared), IMPORT_SECONDS)
            yield Preparing(f"opening the target {prepared.target_name}")
            connection = stack.enter_context(
                open_target(prepared.workspace, prepared.target_name, prepared.target, folder.path.name)
            )
            yield Preparing("starting the generators")
            # As it is, not as the plan would have started it: a stack that stood already has settings of its own.
            asked = replace(asked, stack=connection.settings or None)
            write_asked(asked, folder)
            surroundings = stack.enter_context(
                Surroundings(asked.id, prepared.workspace.root, connection, store, folder.database, clock)
            )
            running = _Running(prepared, asked, folder, store, connection, children, clock, stop, surroundings)
            stack.callback(running.end_polling)
            _note_history(store, prepared, asked, clock.now())
            _note_standing_faults(store, connection, "start", clock.now())
            yield from running.start()
            surroundings.start()
            yield from running.watch()
            yield from running.drain()
            # What the chaos child could not take out must not be in while a capacity is sought.
            recover([folder.undo_log])
            _note_standing_faults(store, connection, "end", clock.now())
            if prepared.capacity is not None and not stop.requested.is_set() and not running.stopped_early:
                yield from search_capacity(prepared, children, store, clock, stop, running.time_zero)
            surroundings.stop()
            yield from running.around()
        except HoldfastError as error:
            with suppress(sqlite3.Error):  # what went wrong first is what is told
                store.write_event(Event(clock.now(), "run", "failed", {"problems": [str(p) for p in error.problems]}))
                store.seal()
            raise
        finally:
            # Children first, so that none puts a fault in behind our back; then what is still in comes out, while
            # the target is still open.
            try:
                children.stop("now")
                children.end(_END_SECONDS)
            finally:
                cleaned = recover([folder.undo_log])
            _note_clean_up(store, cleaned, clock.now())
        store.write_event(Event(clock.now(), "run", "sealed", {"interrupted": stop.requested.is_set()}))
        store.seal()


class _Running:
    """A run between its start and its seal."""

    def __init__(
        self,
        prepared: Prepared,
        asked: Asked,
        folder: RunFolder,
        store: RunStore,
        connection: Connection,
        children: Children,
        clock: SystemClock,
        stop: StopSignal,
        surroundings: Surroundings,
    ) -> None:
        self.surroundings = surroundings
        self.prepared = prepared
        self.asked = asked
        self.folder = folder
        self.store = store
        self.connection = connection
        self.clock = clock
        self.stop = stop
        self.children = children
        self.time_zero = 0.0
        self.stopped_early = False
        self._pace = PaceKeeper(self.time_zero)
        self._poller: Poller | None = None
        self._noted_end: set[str] = set()

    def start(self) -> Iterator[RunEvent]:
        """Give every child its job, wait until all are ready, release them on one barrier."""
        for name, job in jobs_of(self.prepared, self.folder, self.connection, self.clock).items():
            self.children.give(name, job)
        if self.prepared.workers.remote:
            yield Preparing(f"waiting for {self.prepared.workers.awaited}")
        early = self.children.wait_until_ready(READY_SECONDS + self.prepared.workers.ready_seconds)
        # On a whole second: an interval is a second of the epoch, and phases begin where intervals do.
        self.time_zero = float(math.ceil(self.clock.now() + _BARRIER_SECONDS))
        for phase in self.asked.phases:
            self.store.write_span(_phase_span(phase, self.time_zero, started=False))
        self._pace = PaceKeeper(self.time_zero)
        self.store.write_event(Event(self.time_zero, "run", "released", {"time_zero": self.time_zero}))
        for name in self.children.all:
            if name != SEARCHER:
                self.children.release(name, self.time_zero)
        if self.connection.proxy_url is not None:
            self._poller = Poller(self.connection.proxy_url, self.folder.database, self.clock)
            self._poller.start()
        yield Started(
            run_id=self.asked.id,
            folder=self.folder.path,
            plan=self.asked.plan,
            description=self.asked.description,
            target=self.asked.target,
            duration=self.asked.duration,
            phases=tuple((p.name, p.start, p.end) for p in self.asked.phases),
            at_most=not self.asked.load and all(journey.times is not None for journey in self.asked.journeys),
        )
        # Only now is it known how long before time 0 they were.
        for message in early:
            yield from self._told(message)
        for text in self.asked.notices:
            yield Notice(self._second(), "warning", text)

    def watch(self) -> Iterator[RunEvent]:
        """Until the last phase ends, nothing is left to do, the person stops it, the guard does, or a child dies."""
        watch = Watch(self.asked, self.time_zero)
        left = list(self.asked.phases)
        next_tick = self.time_zero + 1.0
        working = [child for name, child in self.children.all.items() if name != SEARCHER]
        while self._second() < self.asked.duration and not self.stop.requested.is_set():
            if all(child.ended for child in working):
                break
            if left and self._second() >= left[0].start:
                phase = left.pop(0)
                self.store.write_span(_phase_span(phase, self.time_zero, started=True))
                yield PhaseStarted(self._second(), phase.name, phase.judged)
            message = self.children.next_message(min(next_tick - self.clock.now(), 0.25))
            if message is not None:
                yield from self._told(message)
                if message.body is None and message.child not in self._noted_end:
                    yield from self._lost(self.children.all[message.child])
                    if self.stopped_early:
                        break
            if self.clock.now() >= next_tick:
                next_tick += 1.0
                ticks, look = self._look(watch)
                yield from ticks
                yield from self.around()
                ended = self._ended_by(look)
                if ended is not None:
                    yield ended
                    self.stopped_early = True
                    break
        if self.stop.requested.is_set():
            yield Notice(self._second(), "warning", "interrupted: draining, undoing, sealing (again: leave at once)")
        self._close_phases()

    def drain(self) -> Iterator[RunEvent]:
        """Let what is in flight end; a child that does not is interrupted, and the record says so."""
        working = [c for n, c in self.children.all.items() if n != SEARCHER]
        for child in working:
            child.send({"stop": "now" if self.stop.at_once.is_set() else "drain"})
        deadline = self.clock.now() + _WIND_DOWN_SECONDS
        while any(not c.ended for c in working) and self.clock.now() < deadline:
            if self.stop.at_once.is_set():
                self.children.stop("now")
                deadline = min(deadline, self.clock.now() + 3.0)
            message = self.children.next_message(0.25)
            if message is not None:
                yield from self._told(message)
        for child in working:
            if child.done is None and child.name not in self._noted_end:
                yield self._note_lost(child, "did not end in order")

    def around(self) -> Iterator[Notice]:
        """What happened around the run since the last look: its stack lost a process, another run came beside it."""
        for text in self.surroundings.deaths():
            yield Notice(self._second(), "error", text)
        for text in self.surroundings.news():
            yield Notice(self._second(), "warning", text)

    def end_polling(self) -> None:
        if self._poller is not None:
            self._poller.stop()

    def _second(self) -> float:
        return self.clock.now() - self.time_zero

    def _told(self, message: Message) -> Iterator[RunEvent]:
        body = message.body
        if body is None:
            return
        if "done" in body:
            self._noted_end.add(message.child)
            self.store.write_event(Event(self.clock.now(), message.child, "child_done", dict(body["done"])))
            if why := body["done"].get("cut_short"):
                yield self._note_lost(self.children.all[message.child], f"ended before its time: {why}")
        elif "event" in body:
            facts = {k: v for k, v in body.items() if k not in {"event", "at"}}
            event = Event(float(body["at"]), message.child, str(body["event"]), facts)
            self.store.write_event(event)
            shown = shown_event(event, event.at - self.time_zero)
            if shown is not None:
                yield shown

    def _lost(self, child: Child) -> Iterator[RunEvent]:
        """A child that ended before its time. Without load there is nothing to measure."""
        self._noted_end.add(child.name)
        yield self._note_lost(child, "ended before its time")
        self.stopped_early = self.stopped_early or child.name == "load"

    def _note_lost(self, child: Child, how: str) -> Notice:
        facts = {"child": child.name, "log": child.log.name, "reason": how}
        self.store.write_event(Event(self.clock.now(), "run", "child_lost", facts))
        return Notice(self._second(), "error", f"{child.name} {how}; see logs/{child.log.name}")

    def _look(self, watch: Watch) -> tuple[list[Tick], Look]:
        """A record that cannot be read is nothing new to a guard, which bears it for a while; nobody else does."""
        now = self.clock.now()
        try:
            return self._looked(watch, now)
        except sqlite3.Error as error:
            if not watch.keeps_guard:
                raise
            return [], Look({}, watch.blind(f"the record cannot be read ({error})", now))

    def _looked(self, watch: Watch, now: float) -> tuple[list[Tick], Look]:
        recent = settled_intervals(self.store, since=int(now - watch.look_back))
        look = watch.look(self.store, recent, now)
        pace = self._pace.look(self.store, now)
        # The last look is after the last phase's end, and still of it.
        phase = next((p.name for p in reversed(self.asked.phases) if p.start <= now - self.time_zero), "")
        tick = Tick(
            at=now - self.time_zero,
            phase=phase,
            rate=pace.rate,
            ok=pace.ok,
            bad=pace.bad,
            p95=pace.p95,
            in_flight=pace.in_flight,
            burn_rates=look.burn_rates,
            replicas_ready=_as_count(_newest(self.store, "target", REPLICAS_READY, now)),
        )
        return [tick], look

    def _ended_by(self, look: Look) -> Notice | None:
        """What the run is to end for, noted in the record: a stack that is gone, the guard, a certain answer."""
        if self.surroundings.stack_is_gone:
            return Notice(self._second(), "error", "the run ends early: nothing is left of its reference stack")
        if look.stopped is not None:
            self.store.write_event(Event(self.clock.now(), "guard", "stopped", look.stopped.facts))
            return Notice(self._second(), "error", f"the guard stopped the run: {look.stopped.reason}")
        if look.certain is not None:
            self.store.write_event(Event(self.clock.now(), "run", "ended_early", {"reason": look.certain}))
            return Notice(self._second(), "warning", f"the run ends early: {look.certain}")
        return None

    def _close_phases(self) -> None:
        """Phases cut short end now; those never reached stay planned only."""
        now = self._second()
        for phase in self.asked.phases:
            if phase.start < now < phase.end:
                self.store.write_span(
                    Span(
                        PHASE,
                        phase.name,
                        self.time_zero + phase.start,
                        self.time_zero + phase.end,
                        self.time_zero + phase.start,
                        self.time_zero + now,
                        {"judged": phase.judged, "cut_short": True},
                    )
                )


def _phase_span(phase: AskedPhase, time_zero: float, *, started: bool) -> Span:
    start, end = time_zero + phase.start, time_zero + phase.end
    actual = {"started": start, "ended": end} if started else {}
    return Span(PHASE, phase.name, start, end, **actual, attributes={"judged": phase.judged})


def _newest(store: RunStore, source: str, name: str, now: float) -> float | None:
    gauges: list[Gauge] = store.gauges(source, name, since=now - 5)
    return gauges[-1].value if gauges else None


def _as_count(value: float | None) -> int | None:
    return None if value is None else int(value)


def _note_clean_up(store: RunStore, results: list[UndoResult], now: float) -> None:
    failed = [r for r in results if not r.undone]
    store.write_event(
        Event(
            now,
            "run",
            "clean_up",
            {
                "verdict": "failed" if failed else "done",
                "undone": [r.text for r in results if r.undone],
                "left_in": [r.text for r in failed],
            },
        )
    )


def _note_history(store: RunStore, prepared: Prepared, asked: Asked, now: float) -> None:
    """Of journeys, before this run: a run is judged by its own folder."""
    names = [journey.name for journey in asked.journeys]
    if names:
        for one in histories(prepared.workspace.runs_folder, names, asked.target_shown, asked.id):
            store.write_event(Event(now, "run", JOURNEY_HISTORY, asdict(one)))


def _note_standing_faults(store: RunStore, connection: Connection, when: str, now: float) -> None:
    """What is wrong with the target and is not ours: whoever reads that something failed asks for it first."""
    for fault in standing_faults(connection):
        store.write_event(Event(now, "run", STANDING_FAULT, {**asdict(fault), "when": when}))
