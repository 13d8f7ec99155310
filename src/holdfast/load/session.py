"""One job from ready to done: schedules played, holds played as they come, the drain, and the reckoning.

In: a `Job` and the channel. Out: samples and gauges in `run.db`, events and the final facts on the channel. A job that
ended before its time without the runner's word says so in those facts: `cut_short`, and why.
"""

import signal
import sys
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import gevent
import locust
from gevent.event import AsyncResult, Event
from locust.env import Environment
from locust.runners import WorkerRunner

from holdfast.channel import ChildEnd
from holdfast.clock import SystemClock
from holdfast.errors import InputError, Problem
from holdfast.kit.accounts import AccountPool, accounts_of, divided, turned
from holdfast.kit.adapter import adapter_at
from holdfast.kit.code_ledger import shared_ledger
from holdfast.kit.inbox import Inbox
from holdfast.load.engine import Engine, Tally, totals
from holdfast.load.job import Hold, Job, OpenLoad
from holdfast.load.loading import load_scenarios
from holdfast.load.origin import Origin
from holdfast.load.recording import Recording
from holdfast.load.runner_end import PipeEnd, RecordSink, RunnerEnd
from holdfast.load.scenario import steps_of
from holdfast.load.scenario_error import SCENARIO_ERROR, SCENARIO_ERRORS, frames_of, place_of, text_of
from holdfast.load.seats import Seats
from holdfast.load.visit import Ground, Visit
from holdfast.load.visitor import LEFT
from holdfast.load.wire import Dialer, fetcher
from holdfast.process import ending_signals
from holdfast.record.recorder import Recorder
from holdfast.record.store import RunStore
from holdfast.workspace.workspace import STATE_FOLDER

SOURCE: Final = "load"
WIRE_SOURCE: Final = "wire"
DRAIN: Final = "drain"
NOW: Final = "now"
ORPHANED: Final = "orphaned"
INTERRUPTED: Final = "interrupted"
_OUTBOX_SECONDS: Final = 5.0
_HOLD_PATIENCE: Final = 5.0  # how long after a held rate's end its visits are waited for
_LOOK_SECONDS: Final = 0.02


class Session:
    """Prepared when it is made, ready once it is open. Raises InputError when something is missing."""

    def __init__(
        self,
        job: Job,
        channel: RunnerEnd,
        sink: RecordSink,
        environment: Environment,
        runner: WorkerRunner | None = None,
    ) -> None:
        self._job = job
        self._channel = channel
        self._clock = SystemClock(job.anchor)
        self._stopping = Event()
        self._how = ""
        self._cut_short = ""  # why, when it was not the runner who had us end
        self._over = False  # whether nothing is left that could be cut short
        self._tallies: list[Tally] = []
        self._playing: list[gevent.Greenlet] = []
        self._errors: dict[tuple[str, str], int] = {}  # visits that a bug ended, by scenario and place
        scenarios = load_scenarios(job.scenarios)
        steps = {name: steps_of(path) for name, path in job.scenarios.items()}
        accounts = accounts_of(job.target.accounts, job.first_account, job.account_count)
        leased, shared = divided(turned(accounts, self._clock.now()), {load.shared_accounts for load in job.loads})
        environment.host = job.target.url
        recorder, wire = Recorder(SOURCE), Recorder(WIRE_SOURCE)
        outbox = job.target.outbox_url
        ground = Ground(
            dialer=Dialer(_origin(job.target.url), job.target.tls),
            clock=self._clock,
            accounts=AccountPool(leased, self._clock),
            shared_accounts=AccountPool(shared, self._clock) if shared else None,
            inbox=Inbox(outbox, fetcher(_OUTBOX_SECONDS, job.target.tls, job.target.marker)) if outbox else None,
            make_service=adapter_at(job.target.adapter),
            marker=job.target.marker,
            recorder=recorder,
            wire=wire,
            fire=environment.events.request.fire,
            note_error=self._note_error,
            choices=Random(f"{job.seed}/tasks"),
            thoughts=f"{job.seed}/thoughts/{job.stripe.index}",
            ledger=shared_ledger(job.workspace / STATE_FOLDER, job.target.url, job.target.code_margin),
            left=LEFT,
        )
        self._scenarios = scenarios
        self._sink = sink
        self._seats = Seats(environment, job.visitors, runner)
        self._engine = Engine(ground, recorder, self._seats, scenarios, steps, environment)
        self._recording = Recording((recorder, wire), sink, self._clock, lambda: self._engine.in_flight)

    def open(self) -> None:
        """Have the visitors parked. Raises MeasurementError when they are late."""
        self._seats.open()

    def run(self) -> None:
        """Wait for the barrier, play, drain, tell. Returns when all is written."""
        go: AsyncResult[float | None] = AsyncResult()
        gevent.spawn(self._listen, go)
        for number in set(ending_signals()) - {signal.SIGINT}:  # Ctrl-C is the runner's to hear
            gevent.signal_handler(number, self._cut, INTERRUPTED, go)
        time_zero = go.get()
        if time_zero is not None:
            self._recording.start()
            self._play(time_zero)
            self._drain()
        self._over = True
        unfinished = self._engine.seal()
        self._recording.close()
        self._sink.close()
        for (scenario, place), count in self._errors.items():
            self._channel.tell_event(SCENARIO_ERRORS, self._clock.now(), scenario=scenario, where=place, count=count)
        cut_short = {"cut_short": self._cut_short} if self._cut_short else {}
        self._channel.tell_done(**totals(self._tallies, unfinished), **cut_short)
        self._seats.close()

    def _play(self, time_zero: float) -> None:
        for load in self._job.loads:
            tally = Tally()
            self._tallies.append(tally)
            play = self._engine.play if isinstance(load, OpenLoad) else self._engine.play_closed
            self._playing.append(gevent.spawn(play, load, time_zero, tally))
        if self._job.adaptive:
            self._stopping.wait()
            return
        end = time_zero + self._job.duration
        while self._clock.now() < end and not self._stopping.is_set() and not all(g.ready() for g in self._playing):
            self._stopping.wait(min(_LOOK_SECONDS, max(end - self._clock.now(), 0.0)))

    def _drain(self) -> None:
        self._engine.stop()
        gevent.joinall(self._playing, raise_error=True)  # a schedule that broke off is no shorter one
        gevent.sleep(0)  # who was released in this very round starts now, and is counted
        deadline = self._clock.now() + self._job.drain
        while self._engine.in_flight and self._clock.now() < deadline and self._how in {"", DRAIN}:
            gevent.sleep(_LOOK_SECONDS)

    def _hold(self, hold: Hold) -> None:
        tally = Tally()
        self._tallies.append(tally)
        self._engine.play(hold.load, hold.start, tally)
        patience = hold.start + hold.seconds + _HOLD_PATIENCE
        while not tally.settled and self._clock.now() < patience and not self._stopping.is_set():
            gevent.sleep(_LOOK_SECONDS)
        if self._cut_short:
            return  # it was not held to its end, so it says nothing
        self._recording.flush()
        self._channel.tell_event(
            "held",
            self._clock.now(),
            name=hold.name,
            planned=tally.planned,
            started=tally.started,
            dropped=tally.dropped,
            finished=tally.finished,
            unfinished=self._engine.late(tally, _HOLD_PATIENCE),
            lag_p99=tally.lag_p99(),
        )

    def _listen(self, go: "AsyncResult[float | None]") -> None:
        while True:
            message = self._channel.receive()
            if message is None:
                self._cut(ORPHANED, go)
                return
            if "go" in message:
                go.set(float(message["go"]))
            elif "hold" in message:
                self._start_hold(message["hold"])
            elif "stop" in message:
                self._stop(str(message["stop"]))
                go.set(None) if not go.ready() else None

    def _start_hold(self, message: Mapping[str, Any]) -> None:
        hold = Hold.of(message, self._job.seed, self._job.visitors, self._job.stripe)
        unknown = [name for name in hold.load.mix if name not in self._scenarios]
        if unknown:
            text = f"{hold.name}: there is no scenario {', '.join(unknown)}"
            self._channel.tell_event("notice", self._clock.now(), text=text)
            return
        self._playing.append(gevent.spawn(self._hold, hold))

    def _stop(self, how: str) -> None:
        """A later, harder word ("now", "orphaned") cuts the drain short."""
        self._over = self._over or how == NOW
        self._how = how
        self._stopping.set()

    def _cut(self, why: str, go: "AsyncResult[float | None]") -> None:
        """End at once, without the runner's word. What was still to be played or to be answered is told as missing."""
        if not self._over and (self._is_playing or self._engine.in_flight):
            self._cut_short = self._cut_short or why
        self._stop(why)
        go.set(None) if not go.ready() else None

    @property
    def _is_playing(self) -> bool:
        """Whether arrivals are still to come, as far as we know."""
        if self._how:
            return False
        return self._job.adaptive or not self._playing or not all(greenlet.ready() for greenlet in self._playing)

    def _note_error(self, visit: Visit, error: BaseException) -> None:
        """A bug of a scenario, told once: its author must see where. How often it came is told at the end."""
        scenario = visit.scenario
        place = place_of(error, self._job.scenarios[scenario])
        count = self._errors[scenario, place] = self._errors.get((scenario, place), 0) + 1
        if count > 1:
            return
        step = visit.step_that_raised(error)
        text = f"{scenario if step is None else f'{scenario}/{step}'}: {text_of(error, visit.account)} ({place})"
        sys.stderr.write("\n  ".join([text, *frames_of(error)]) + "\n")
        self._channel.tell_event(SCENARIO_ERROR, self._clock.now(), scenario=scenario, where=place, text=text)


def alone(job: Job, channel: ChildEnd) -> Session:
    """A session that has the load to itself. Raises InputError, RunFolderError."""
    # Content's listeners are on locust.events; an environment of its own would never fire them.
    return Session(job, PipeEnd(channel), RunStore.open(job.run_db), Environment(events=locust.events))


def _origin(url: str) -> Origin:
    try:
        return Origin.of(url)
    except ValueError as error:
        raise InputError(Problem("target.url", str(error))) from error
