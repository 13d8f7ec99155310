"""One visit: what one visitor does, recorded at three depths: scenario, step and request.

No engine in here: the Locust glue (`visitor`, `engine`) makes visits and ends them.

A visit is due when its arrival is, so the wait in our own generator (`lag`) is part of its response time and of its
first step's. A request is measured from when it was sent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
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
from holdfast.load.heads import RequestHeads
from holdfast.load.leaving import Left, outcome_of
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder
from holdfast.record.sample import ABANDONED, DROPPED, IDLE_CLOSED, OK, OUTSIDE, UNFINISHED

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
    `wire` takes the parts of requests, by the names of `WIRE`.
    """

    dialer: Dialer
    clock: Clock
    accounts: AccountPool
    inbox: Inbox | None
    make_service: MakeService
    marker: str
    recorder: Recorder | None
    fire: Callable[..., Any]
    note_error: Callable[["Visit", Exception], None]
    choices: Random
    ledger: StepLedger = field(default_factory=StepLedger)
    entropy: Random = field(default_factory=Random)  # trace ids must differ between runs of one seed
    left: Left = ()  # see `holdfast.load.leaving`
    wire: Recorder | None = None
    shared_accounts: AccountPool | None = (
        None  # of loads whose visitors share them, where others lease; else `accounts`
    )
    heads: RequestHeads = field(init=False)
    cold: ConnectionPool = field(init=False)  # keeps nothing: every visit dials

    def __post_init__(self) -> None:
        self.heads = RequestHeads(self.dialer.origin, self.marker)
        self.cold = ConnectionPool(self.dialer)


class Visit:
    """One visitor's stay, from its due time on. After `end` or `cut_off` nothing more is recorded."""

    __slots__ = (
        "_ended",
        "_first_lag",
        "_ground",
        "_lag",
        "_left_by",
        "_measured",
        "_service",
        "_step",
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
        self._measured: BaseException | None = None  # the last error that our client or a step of ours made
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
            self._service = ground.make_service(self.client, ground.inbox, ground.clock, ground.ledger)
        return self._service

    def step(self, name: str, patience: float | None = None) -> "Step":
        """A context manager that records `scenario/name` when it is left. `patience` in seconds: see `Visitor.step`."""
        first_lag, self._first_lag = self._first_lag, 0.0
        return Step(self, name, first_lag, patience)

    def end(self, outcome: str = OK, detail: str = "") -> None:
        """Record the visit."""
        if not self._ended:
            self._record(self.scenario, self.due, outcome, self._lag, detail)
            self._ended = True

    def cut_off(self) -> None:
        """Record the visit as unfinished at its age, a lower bound of what it would have taken.

        So too its step, and the request that it waits for.
        """
        step, recorder = self._step, self._ground.recorder
        waiting = self.client.waiting
        if waiting is not None and recorder is not None and not self._ended:
            name, age = waiting
            began = self._ground.clock.now() - age
            recorder.add(self._request_name(name), began, UNFINISHED, age, 0.0, "", self.client.trace_id)
        if step is not None:
            self._record(f"{self.scenario}/{step.name}", step.due, UNFINISHED, step.lag, "")
        self.end(UNFINISHED)

    def close(self) -> None:
        """Let go of what points back here: at 8,000 visits a second, cycles cost a stop of 3 ms four times a second."""
        self.client.close()
        self._left_by = self._measured = None

    def outcome_of(self, error: BaseException | None) -> tuple[str, str]:
        """The outcome of what ended with `error`, and its detail: no text of the target's."""
        return outcome_of(error, self._ground.left, self._measured)

    def step_that_raised(self, error: BaseException) -> str | None:
        """The name of the step that `error` came out of; None when it came from between steps."""
        return self._left_by[0] if self._left_by is not None and self._left_by[1] is error else None

    def enter(self, step: "Step") -> None:
        if self._step is not None:
            raise RuntimeError(f"step {step.name!r} within step {self._step.name!r}: steps follow one another")
        step.due = self._ground.clock.now() - step.lag
        self._step = step

    def leave(self, step: "Step", error: BaseException | None) -> None:
        """Raises OutcomeError `abandoned` when the visitor gives up here."""
        outcome, detail = self.outcome_of(error)
        if error is None and self._is_out_of_patience(step):
            outcome, detail = ABANDONED, "too_slow"
        if error is not None:
            self._left_by = (step.name, error)
        self._step = None
        self._record(f"{self.scenario}/{step.name}", step.due, outcome, step.lag, detail)
        if (
            step.patience is not None
            and outcome not in {OK, IDLE_CLOSED}
            and (error is None or isinstance(error, OutcomeError))
        ):
            why = detail if outcome == ABANDONED else outcome
            self._measured = OutcomeError(ABANDONED, f"{step.name}: {why}")
            raise self._measured from error

    def _is_out_of_patience(self, step: "Step") -> bool:
        """The wait in our own generator is not the target's to answer for: it is not counted."""
        return step.patience is not None and self._ground.clock.now() - step.due - step.lag > step.patience

    def _observe(self, exchange: Exchange) -> None:
        if self._ended:
            return
        self._measured = exchange.error
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

    def _record(self, name: str, due: float, outcome: str, lag: float, detail: str) -> None:
        recorder = self._ground.recorder
        if recorder is not None and not self._ended:
            duration = self._ground.clock.now() - due
            recorder.add(name, due, outcome, duration, lag, detail, self.client.trace_id)


class Step:
    """A named part of a visit. An OutcomeError inside is its outcome, and goes on to end the visit."""

    __slots__ = ("_visit", "due", "lag", "name", "patience")

    def __init__(self, visit: Visit, name: str, lag: float, patience: float | None = None) -> None:
        self._visit = visit
        self.name = name
        self.lag = lag
        self.patience = patience
        self.due = 0.0

    def __enter__(self) -> Self:
        self._visit.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._visit.leave(self, error)
