"""One visit: what one visitor does, recorded at three depths: scenario, step and request.

No engine in here: the Locust glue (`visitor`, `engine`) makes visits and ends them.

A visit is due when its arrival is, so the wait in our own generator (`lag`) is part of its response time and of its
first step's. A request is measured from when it was sent. The time in which a visitor thinks is part of nothing.

An ok must rest on something: a visit or step that ends well and asked nothing of the target, or in which something
failed that its scenario did not announce, says so in its detail.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from holdfast.clock import Clock
from holdfast.kit.accounts import Account, AccountPool
from holdfast.kit.adapter import MakeService
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.service import SelfService
from holdfast.kit.totp import StepLedger
from holdfast.load.client import Exchange, LeanClient
from holdfast.load.code_waits import CodeWaits
from holdfast.load.heads import RequestHeads
from holdfast.load.heard import Heard
from holdfast.load.leaving import Left, outcome_of
from holdfast.load.pool import ConnectionPool
from holdfast.load.thinking import LOGNORMAL, drawn, mean_of
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder
from holdfast.record.sample import (
    ABANDONED,
    DROPPED,
    EXCUSED,
    FAILED_INSIDE,
    IDLE_CLOSED,
    NO_REQUEST,
    OK,
    OUTSIDE,
    THINKING,
    UNFINISHED,
)

_REMEMBERED: Final = 16
WIRE: Final = ("dns", "connect", "tls", "first_byte")
"""Names under the source "wire": a request's parts, each where it happened, so new connections are counted too."""


def record_dropped(recorder: Recorder, scenario: str, steps: Iterable[str], due: float, why: str) -> None:
    """Record a visit that was due and never made, and every step it would have taken.

    An objective is counted at one depth: whichever that is, the arrival is a bad event of it. (Of requests it is one
    too; see `holdfast.slo.indicator.count`.)
    """
    for name in (scenario, *(f"{scenario}/{step}" for step in steps)):
        recorder.add(name, due, DROPPED, 0.0, 0.0, why)


@dataclass(slots=True)
class Ground:
    """What all visitors of one process share.

    `fire` is Locust's request event; `note_error` hears of exceptions that are nobody's outcome: bugs of a scenario.
    `wire` takes the parts of requests, by the names of `WIRE`; `thoughts` seeds how long visitors think.
    """

    dialer: Dialer
    clock: Clock
    accounts: AccountPool
    inbox: Inbox | None
    make_service: MakeService
    marker: str
    recorder: Recorder | None
    fire: Callable[..., Any]
    note_error: Callable[["Visit", BaseException], None]
    choices: Random
    ledger: StepLedger = field(default_factory=StepLedger)
    entropy: Random = field(default_factory=Random)  # trace ids must differ between runs of one seed
    left: Left = ()  # see `holdfast.load.leaving`
    wire: Recorder | None = None
    shared_accounts: AccountPool | None = (
        None  # of loads whose visitors share them, where others lease; else `accounts`
    )
    thoughts: str = field(default_factory=lambda: secrets.token_hex(8))
    numbers: Iterator[int] = field(default_factory=count)  # of visits
    heads: RequestHeads = field(init=False)
    cold: ConnectionPool = field(init=False)  # keeps nothing: every visit dials

    def __post_init__(self) -> None:
        self.heads = RequestHeads(self.dialer.origin, self.marker)
        self.cold = ConnectionPool(self.dialer)


class Visit:
    """One visitor's stay, from its due time on. After `end` or `cut_off` nothing more is recorded."""

    __slots__ = (
        "_asked",
        "_ended",
        "_failed",
        "_first_lag",
        "_ground",
        "_lag",
        "_left_by",
        "_meant",
        "_measured",
        "_misused",
        "_number",
        "_random",
        "_service",
        "_step",
        "_thinking_since",
        "_thought",
        "_waits",
        "account",
        "client",
        "due",
        "scenario",
    )

    def __init__(
        self,
        ground: Ground,
        scenario: str,
        account: Account,
        due: float,
        lag: float = 0.0,
        pool: ConnectionPool | None = None,
    ) -> None:
        """`pool`: where its connection comes from and goes to; without one it dials."""
        self.scenario = scenario
        self.account = account
        self.due = due
        self._ground = ground
        self._lag = self._first_lag = lag
        self._step: Step | None = None
        self._left_by: tuple[str, BaseException] | None = None  # the last step that raised, and what
        self._ended = False
        self._number = next(ground.numbers)
        self._random: Random | None = None
        self._thought = self._thinking_since = 0.0  # seconds that the visitor has thought, and since when it does now
        self._asked = self._failed = 0  # requests that ended, and what failed of those and of the steps
        self._meant: Collection[str] = EXCUSED  # what may go wrong in a visit that ends well
        self._waits: CodeWaits | None = None
        self._measured: tuple[BaseException, ...] = ()  # the last errors that our client or a step of ours made
        self._misused = False  # whether somebody made use of it after its end
        self.client = LeanClient(
            ground.cold if pool is None else pool,  # an empty one is false
            ground.heads,
            self._observe,
            trace_id=f"{ground.entropy.getrandbits(128) or 1:032x}",
            random=ground.entropy,
        )
        self._service: SelfService | None = None

    @property
    def service(self) -> SelfService:
        """Made when it is first asked for: what an adapter's code raises then is the visit's, as a task's bug is."""
        if self._service is None:
            ground = self._ground
            inbox = None if ground.inbox is None else ground.inbox.watched(self._ask)
            ledger = ground.ledger.watched(self._wait_for_code) if self.account.has_mfa else ground.ledger
            self._service = Heard(ground.make_service(self.client, inbox, ground.clock, ledger), self.hear)
        return self._service

    def expect(self, meant: Collection[str]) -> None:
        """Announce what its scenario means to come to: outcomes, and NO_REQUEST."""
        self._meant = EXCUSED.union(meant)

    def think(self, mean: str | float, spread: str = LOGNORMAL) -> None:
        """See `Visitor.think`. Raises RuntimeError in a step, ValueError."""
        if self._step is not None:
            raise RuntimeError(
                f"think in step {self._step.name!r}: a visitor's pause is no part of a step; put it between"
            )
        if self._random is None:
            self._random = Random(f"{self._ground.thoughts}/{self._number}")
        pause = drawn(mean_of(mean), spread, self._random)
        clock = self._ground.clock
        self._thinking_since = clock.now()
        try:
            clock.sleep(pause)
        finally:
            self._thought += max(clock.now() - self._thinking_since, 0.0)
            self._thinking_since = 0.0

    @property
    def age(self) -> float:
        """Seconds since it was due, without those in which its visitor thought or waited for a code."""
        return self._ground.clock.now() - self.due - self._thinking - self._waited

    @property
    def _thinking(self) -> float:
        """Seconds in which its visitor thought, until now."""
        return self._thought + (self._ground.clock.now() - self._thinking_since if self._thinking_since else 0.0)

    def step(self, name: str, patience: float | None = None) -> "Step":
        """A context manager that records `scenario/name` when it is left. `patience` in seconds: see `Visitor.step`."""
        first_lag, self._first_lag = self._first_lag, 0.0
        return Step(self, name, first_lag, patience)

    def end(self, outcome: str = OK, detail: str = "") -> None:
        """Record the visit."""
        if not self._ended:
            if outcome == OK:
                self._leave_waiting()
                detail = self._doubt(0, 0)
            self._record(self.scenario, self.due, outcome, self._lag, detail, self._waited + self._thinking)
            self._ended = True

    def cut_off(self) -> None:
        """Record the visit as unfinished at its age, a lower bound of what it would have taken.

        So too its step, and the request that it waits for. One that waits for its next code, or thinks, waits for
        nobody else.
        """
        step = self._step
        waits = self._waits is not None and self._waits.waits(self._ground.clock.now())
        outcome = THINKING if waits or self._thinking_since else UNFINISHED
        if not self._ended:
            self._leave_waiting()
        if step is not None:
            self._record_step(step, outcome, "")
        self.end(outcome)

    def close(self) -> None:
        """Let go of what points back here: at 8,000 visits a second, cycles cost a stop of 3 ms four times a second."""
        self.client.close(self.misuse)
        self._left_by = self._service = None
        self._measured = ()
        del self.client  # which knows us now

    def misuse(self, error: BaseException) -> None:
        """Somebody whom its task spawned goes on after its end, which nobody would measure: told once."""
        if not self._misused:
            self._misused = True
            self._ground.note_error(self, error)

    def hear(self, error: OutcomeError) -> None:
        """What its adapter or its own code says went wrong, whoever passes over it then."""
        if error.outcome not in self._meant:
            self._failed += 1

    def outcome_of(self, error: BaseException | None) -> tuple[str, str]:
        """The outcome of what ended with `error`, and its detail: no text of the target's."""
        return outcome_of(error, self._ground.left, self._measured)

    def step_that_raised(self, error: BaseException) -> str | None:
        """The name of the step that `error` came out of; None when it came from between steps."""
        return self._left_by[0] if self._left_by is not None and self._left_by[1] is error else None

    def enter(self, step: "Step") -> None:
        if self._step is not None:
            raise RuntimeError(f"step {step.name!r} within step {self._step.name!r}: steps follow one another")
        step.due, step.waited = self._ground.clock.now() - step.lag, self._waited
        step.asked, step.failed = self._asked, self._failed
        self._step = step

    def leave(self, step: "Step", error: BaseException | None) -> None:
        """Raises OutcomeError `abandoned` when the visitor gives up here."""
        outcome, detail = self.outcome_of(error)
        if error is None and self._is_out_of_patience(step):
            outcome, detail = ABANDONED, "too_slow"
        if error is not None:
            self._left_by = (step.name, error)
        if outcome == OK:
            detail = self._doubt(step.asked, step.failed)
        elif outcome not in self._meant:
            self._failed += 1
        self._step = None
        self._record_step(step, outcome, detail)
        if (
            step.patience is not None
            and outcome not in {OK, IDLE_CLOSED}
            and (error is None or isinstance(error, OutcomeError))
        ):
            why = detail if outcome == ABANDONED else outcome
            given_up = OutcomeError(ABANDONED, f"{step.name}: {why}")
            self._remember(given_up)
            raise given_up from error

    def _is_out_of_patience(self, step: "Step") -> bool:
        """The waits in our own generator and for a code are not the target's to answer for: they are not counted."""
        waited = step.lag + self._waited - step.waited
        return step.patience is not None and self._ground.clock.now() - step.due - waited > step.patience

    @property
    def _waited(self) -> float:
        """Seconds for one-time codes."""
        return 0.0 if self._waits is None else self._waits.until(self._ground.clock.now())

    def _wait_for_code(self, seconds: float) -> None:
        if self._waits is None:
            self._waits = CodeWaits()
        self._waits.begin(self._ground.clock.now(), seconds)

    def _doubt(self, asked: int, failed: int) -> str:
        """What there is to doubt in an ok, since so many had been asked and had failed."""
        if self._failed > failed:
            return FAILED_INSIDE
        return NO_REQUEST if self._asked == asked and NO_REQUEST not in self._meant else ""

    def _remember(self, error: BaseException | None) -> None:
        """Several, for requests may be under way at once."""
        if error is not None:
            self._measured = (*self._measured[1 - _REMEMBERED :], error)

    def _ask(self) -> None:
        self._asked += 1

    def _leave_waiting(self) -> None:
        """Record requests that wait for an answer as unfinished: a visit that ends before them ends without them."""
        recorder = self._ground.recorder
        for name, age in self.client.waiting:
            self._ask()
            if UNFINISHED not in self._meant:
                self._failed += 1
            if recorder is not None:
                began = self._ground.clock.now() - age
                recorder.add(self._request_name(name), began, UNFINISHED, age, 0.0, "", self.client.trace_id)

    def _observe(self, exchange: Exchange) -> None:
        if self._ended:
            return
        self._asked += 1
        if exchange.outcome is not OK and exchange.outcome not in self._meant:
            self._failed += 1
        self._remember(exchange.error)
        ground = self._ground
        began = ground.clock.now() - exchange.duration
        trace_id = self.client.trace_id
        if ground.recorder is not None:
            name = self._request_name(exchange.name)
            ground.recorder.add(name, began, exchange.outcome, exchange.duration, 0.0, exchange.detail, trace_id)
        wire = ground.wire
        if wire is not None:
            if exchange.first_byte:
                wire.add("first_byte", began, OK, exchange.first_byte, 0.0, "", trace_id)
            if exchange.connect:
                for part, seconds in zip(WIRE, (exchange.dns, exchange.connect, exchange.tls), strict=False):
                    if seconds:
                        wire.add(part, began, OK, seconds, 0.0, "", trace_id)
        if exchange.outcome is UNFINISHED:
            return  # Locust reports no request whose visitor it stopped in the middle, and would call it a failure
        ground.fire(
            request_type=exchange.method,
            name=exchange.name,
            response_time=exchange.duration * 1000,
            response_length=exchange.length,
            response=exchange.response,
            context={},
            exception=exchange.error,
            start_time=began,
            url=exchange.url,
        )

    def _request_name(self, name: str) -> str:
        return f"{self.scenario}/{OUTSIDE if self._step is None else self._step.name}/{name}"

    def _record_step(self, step: "Step", outcome: str, detail: str) -> None:
        self._record(f"{self.scenario}/{step.name}", step.due, outcome, step.lag, detail, self._waited - step.waited)

    def _record(self, name: str, due: float, outcome: str, lag: float, detail: str, waited: float) -> None:
        recorder = self._ground.recorder
        if recorder is not None and not self._ended:
            duration = self._ground.clock.now() - due - waited
            recorder.add(name, due, outcome, duration, lag, detail, self.client.trace_id)


class Step:
    """A named part of a visit. An OutcomeError inside is its outcome, and goes on to end the visit."""

    __slots__ = ("_visit", "asked", "due", "failed", "lag", "name", "patience", "waited")

    def __init__(self, visit: Visit, name: str, lag: float, patience: float | None = None) -> None:
        self._visit = visit
        self.name = name
        self.lag = lag
        self.patience = patience
        self.due = self.waited = 0.0
        self.asked = self.failed = 0

    def __enter__(self) -> Self:
        self._visit.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._visit.leave(self, error)
