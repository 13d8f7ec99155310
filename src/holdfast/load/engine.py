"""The load engine: arrivals released on an absolute schedule to parked visitors, and every one accounted for.

    schedule ─▶ pump ─▶ parked seat ─▶ Visitor ─▶ Recorder

The pump never waits for a visitor: who is due is released, all of them at each wake, and where nobody is free the
arrival is dropped, and recorded. So a slow target meets the same arrivals as a fast one (no coordinated omission), and
planned = started + dropped, started = finished + unfinished.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

import gevent

from holdfast.clock import Clock
from holdfast.kit.accounts import Account
from holdfast.load.alarm import Alarm
from holdfast.load.arrivals import scenario_draws
from holdfast.load.dropping import GENERATOR_LATE, NO_VISITOR
from holdfast.load.job import ClosedLoad, OpenLoad
from holdfast.load.pool import ConnectionPool
from holdfast.load.seats import Seats
from holdfast.load.visit import Ground, Visit, record_dropped
from holdfast.load.visitor import Visitor, make_visit
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Recorder
from holdfast.record.sample import NO_ACCOUNT

_LAGS_AT_ONCE: Final = 4096
_BREATH_SECONDS: Final = 0.05  # how long the pump may release without a pause before the loop gets a turn
_NAP_SECONDS: Final = 0.25  # the longest it sleeps without a look at whether it was stopped
_RETRY_SECONDS: Final = 1.0  # how long a virtual user waits that found no account


@dataclass(slots=True)
class Tally:
    """What became of the arrivals of one schedule. `lags`: how long those that started had waited in our generator."""

    planned: int = 0
    started: int = 0
    dropped: int = 0
    finished: int = 0
    lags: "Lags" = field(default_factory=lambda: Lags())  # noqa: PLW0108  it is defined below

    @property
    def unfinished(self) -> int:
        return self.started - self.finished

    @property
    def settled(self) -> bool:
        """Every arrival released so far was dropped or has finished."""
        return self.planned == self.dropped + self.finished

    def lag_p99(self) -> float:
        """Seconds; 0 where nobody started."""
        return self.lags.folded().quantile(0.99) or 0.0


class Lags:
    """Seconds, folded into a histogram every few thousand: an array of all would grow by 140 MB an hour at 5,000/s."""

    __slots__ = ("_folded", "_latest")

    def __init__(self) -> None:
        self._latest = array("d")
        self._folded = Histogram()

    def add(self, lag: float) -> None:
        self._latest.append(lag)
        if len(self._latest) >= _LAGS_AT_ONCE:
            self.folded()

    def folded(self) -> Histogram:
        """All of them so far."""
        if self._latest:
            self._folded.merge(Histogram.of(self._latest))
            self._latest = array("d")
        return self._folded


@dataclass(frozen=True, slots=True)
class Terms:
    """What the visits of one load have in common."""

    at_most: int
    shared_accounts: bool
    pool: ConnectionPool


class Engine:
    """Plays schedules on seats. All in one thread's greenlets; after `seal` nothing more is counted or recorded."""

    def __init__(
        self,
        ground: Ground,
        recorder: Recorder,
        seats: Seats,
        scenarios: Mapping[str, type[Visitor]],
        steps: Mapping[str, Sequence[str]],
        environment: object,
    ) -> None:
        self._ground = ground
        self._clock: Clock = ground.clock
        self._recorder = recorder
        self._seats = seats
        self._scenarios = scenarios
        self._steps = steps
        self._environment = environment
        self._in_flight: dict[Visit, Tally] = {}
        self._pools: dict[float, ConnectionPool] = {}
        self._sealed = False
        self._stopped_at: float | None = None

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def play(self, load: OpenLoad, time_zero: float, tally: Tally) -> None:
        """Release the arrivals of an open load, each when it is due; returns after the last. Runs in a greenlet."""
        with closing(Alarm()) as alarm:
            self._play(load, time_zero, tally, alarm)

    def _play(self, load: OpenLoad, time_zero: float, tally: Tally, alarm: Alarm) -> None:
        begin = time_zero + load.start
        now, release, terms = self._clock.now, self._release, self._terms(load)
        paused_at = now()
        for arrival in load.arrivals():
            due = begin + arrival.offset
            while (wait := due - (present := now())) > 0 and self._stopped_at is None:
                alarm.sleep(min(wait, _NAP_SECONDS))
                paused_at = present + wait
            if present - paused_at > _BREATH_SECONDS:
                gevent.sleep(0)
                paused_at = now()
            if self._stopped_at is None:
                release(arrival.scenario, due, tally, terms, None)
            elif due <= self._stopped_at:
                tally.planned += 1  # it was due, and we had not got to it: that is ours to own up to
                self._drop(arrival.scenario, due, tally, GENERATOR_LATE)
            else:
                return

    def play_closed(self, load: ClosedLoad, time_zero: float, tally: Tally) -> None:
        """Keep the virtual users of a closed load going until its end; returns then. Runs in a greenlet."""
        begin, end = time_zero + load.start, time_zero + load.end
        draw = scenario_draws(load.mix, load.seed)
        random = Random(f"{load.seed}/think")
        terms = self._terms(load)

        def think() -> float:
            return load.think_time * (0.5 + random.random())  # half to one and a half: or all would march in step

        def next_visit() -> None:
            if self._stopped_at is not None or self._clock.now() >= end:
                return
            if not self._release(next(draw), self._clock.now(), tally, terms, come_again):
                gevent.spawn_later(max(think(), _RETRY_SECONDS), next_visit)

        def come_again() -> None:
            gevent.spawn_later(think(), next_visit)

        gevent.sleep(max(begin - self._clock.now(), 0.0))
        for _ in range(load.virtual_users):
            gevent.spawn_later(random.random() * load.think_time, next_visit)
        while (wait := end - self._clock.now()) > 0 and self._stopped_at is None:
            gevent.sleep(min(wait, _NAP_SECONDS))

    def stop(self) -> None:
        """No further arrivals: what is due after now is not played."""
        if self._stopped_at is None:
            self._stopped_at = self._clock.now()

    def late(self, tally: Tally, seconds: float) -> int:
        """How many visits of a schedule are in flight and have taken longer, without the time in which they thought."""
        return sum(of is tally and visit.age >= seconds for visit, of in self._in_flight.items())

    def seal(self) -> int:
        """Record what is in flight as unfinished, at its age. Returns how many; nothing is counted after that."""
        self._sealed = True
        for visit in self._in_flight:
            visit.cut_off()
        return len(self._in_flight)

    def _terms(self, load: OpenLoad | ClosedLoad) -> Terms:
        """Loads that open connections for the same share of their visits keep the others together."""
        share = load.new_connections
        if share not in self._pools:
            self._pools[share] = ConnectionPool(
                self._ground.dialer,
                new_connections=share,
                random=Random(f"{load.seed}/connections"),
                most_idle=load.at_most,
            )
        return Terms(load.at_most, load.shared_accounts, self._pools[share])

    def _release(self, scenario: str, due: float, tally: Tally, terms: Terms, after: Callable[[], None] | None) -> bool:
        """Hand an arrival to a parked visitor; False when it had to be dropped."""
        tally.planned += 1
        if not self._seats.free or tally.planned - 1 - tally.dropped - tally.finished >= terms.at_most:
            return self._drop(scenario, due, tally, NO_VISITOR)
        ground, mfa = self._ground, self._scenarios[scenario].mfa
        if terms.shared_accounts:
            account = (ground.shared_accounts or ground.accounts).share(mfa)
        else:
            account = ground.accounts.lease(mfa)
        if account is None:
            return self._drop(scenario, due, tally, NO_ACCOUNT)
        return self._seats.take(partial(self._stay, scenario, account, due, tally, terms, after))

    def _drop(self, scenario: str, due: float, tally: Tally, why: str) -> bool:
        tally.dropped += 1
        record_dropped(self._recorder, scenario, self._steps[scenario], due, why)
        return False

    def _stay(
        self,
        scenario: str,
        account: Account,
        due: float,
        tally: Tally,
        terms: Terms,
        after: Callable[[], None] | None,
    ) -> None:
        """In the seat's greenlet: one visit from its start to its end."""
        lag = max(self._clock.now() - due, 0.0)
        tally.started += 1
        tally.lags.add(lag)
        visit = Visit(self._ground, scenario, account, due, lag, terms.pool)
        self._in_flight[visit] = tally
        try:
            make_visit(visit, self._ground, partial(self._scenarios[scenario], self._environment))
        finally:
            if not self._sealed:
                del self._in_flight[visit]
                tally.finished += 1
                if not terms.shared_accounts:
                    self._ground.accounts.give_back(account)
        if after is not None:
            after()


def totals(tallies: Sequence[Tally], unfinished: int) -> dict[str, int | float]:
    """The facts of `done`. `unfinished` was counted by looking at who is there, so the sums can be checked."""
    everything = Tally()
    for tally in tallies:
        everything.planned += tally.planned
        everything.started += tally.started
        everything.dropped += tally.dropped
        everything.finished += tally.finished
    lags = Histogram.sum(tally.lags.folded() for tally in tallies)
    return {
        "planned": everything.planned,
        "started": everything.started,
        "dropped": everything.dropped,
        "finished": everything.finished,
        "unfinished": unfinished,
        "lag_p99": lags.quantile(0.99) or 0.0,
    }
