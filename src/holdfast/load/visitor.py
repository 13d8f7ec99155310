"""`Visitor`: the Locust user that scenarios extend.

    class BillingInquiry(Visitor):
        @task
        def look_up_the_bill(self):
            with self.step("sign_in"):
                self.service.sign_in(self.account)

A visitor makes one visit: it gets an account of its own, a cold connection and a fresh cookie jar, does what its task
says, and is gone. Under holdfast visits come on a schedule and are recorded. Under plain Locust
(`locust -f scenarios/billing_inquiry.py --host http://127.0.0.1:8080`) the file works too: users repeat their visit,
accounts are generated ones, and the samples go to Locust's own statistics. The outbox is named by HOLDFAST_OUTBOX_URL.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final, NoReturn

from locust import User, constant
from locust.exception import InterruptTaskSet, RescheduleTask, StopTest, StopUser

from holdfast.clock import SystemClock
from holdfast.kit.accounts import Account, AccountPool, generated_accounts
from holdfast.kit.adapter import adapter_at
from holdfast.kit.code_ledger import shared_ledger
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.service import SelfService
from holdfast.kit.totp import StepLedger
from holdfast.load.client import LeanClient
from holdfast.load.leaving import is_bug, is_end, raised_here
from holdfast.load.origin import Origin
from holdfast.load.thinking import LOGNORMAL
from holdfast.load.visit import Ground, Step, Visit
from holdfast.load.wire import Dialer, fetcher
from holdfast.record.sample import ABANDONED, RATE_LIMITED
from holdfast.workspace.workspace import CONFIG_FILE, STATE_FOLDER

LEFT: Final = (StopUser, StopTest, InterruptTaskSet, RescheduleTask)
"""Locust's own ways to leave a task."""
_PLAIN_ACCOUNTS: Final = 1_900
_OUTBOX_SECONDS: Final = 5.0
_MARKER: Final = "holdfast (synthetic)"


class Visitor(User):
    """One visitor of the self-service stack. Extend it; see the module."""

    abstract = True
    wait_time = constant(1)

    mfa: bool | None = None
    """Whether its account must have a second factor; None: either."""

    attack: bool = False
    """Whether it does what an attacker does: then it runs only where that is allowed, and within limits."""

    expect: tuple[str, ...] = ()
    """What may go wrong in a visit that ends well, because it is meant: outcomes of its requests and steps ("rejected",
    "timed_out"), or "no_request" where it may ask nothing of the target. Anything else that its code passes over leaves
    a run inconclusive. Of one request its own `expect=` says which statuses are meant; of an attack a limit always is.
    """

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._visit: Visit | None = None
        self._over: Callable[[BaseException], None] | None = None  # hears of who makes use of a visit that is over
        self.tasks = [_plain_visit]  # what plain Locust repeats; the class keeps the scenario's own

    @property
    def client(self) -> LeanClient:
        """The visit's HTTP client."""
        return self._present.client

    @property
    def service(self) -> SelfService:
        """The self-service adapter of the target."""
        return self._present.service

    @property
    def account(self) -> Account:
        """This visitor's account; nobody else holds it during the visit."""
        return self._present.account

    def step(self, name: str, patience: float | None = None) -> Step:
        """`with self.step("open_invoice"):` records how that part went. Raises what happens inside.

        With `patience` (seconds) the visitor gives up when the step fails or has taken longer: the visit is abandoned.
        Nobody hangs up in the middle of a request: the answer is awaited, and counted as it came.
        """
        return self._present.step(name, patience)

    def think(self, mean: str | float, spread: str = LOGNORMAL) -> None:
        """`self.think("3s")`: pause as a customer who reads or types. `mean`: on average ("3s", "1.5m", or seconds).

        Between steps, never in one, for the time is nobody's: it is part of no duration. `spread`: "lognormal" (most
        take less than the mean, few take long), "exponential", "uniform" (half to one and a half) or "constant". The
        run's seed draws it.
        """
        self._present.think(mean, spread)

    def give_up(self, why: str) -> NoReturn:
        """End the visit, and the step it is in, as abandoned: `self.give_up("too_many_tries")`."""
        given_up = OutcomeError(ABANDONED, why)
        self._present.hear(given_up)
        raise given_up

    def stay(self, visit: Visit, ground: Ground) -> None:
        """One task of a visit. Raises what the task does: see `make_visit`."""
        self._visit = visit
        visit.expect((*self.expect, RATE_LIMITED) if self.attack else self.expect)
        tasks: list[Any] = type(self).tasks
        try:
            task = tasks[0] if len(tasks) == 1 else ground.choices.choice(tasks)
            task(self)
        finally:
            self._visit, self._over = None, visit.misuse

    @property
    def _present(self) -> Visit:
        if self._visit is None:
            misused = raised_here(
                RuntimeError("there is no visit: client, service, account and step belong inside a @task")
            )
            if self._over is not None:
                self._over(misused)
            raise misused
        return self._visit


def make_visit(visit: Visit, ground: Ground, make_visitor: Callable[[], Visitor]) -> None:
    """A visit from its start to its end, its outcome recorded. Only being killed gets out of here as an exception.

    What a visitor's own `__init__` raises costs its visit, as a task's bug does, and not the run.
    """
    try:
        make_visitor().stay(visit, ground)
    except BaseException as error:
        visit.end(*visit.outcome_of(error))
        if is_end(error):
            raise
        if is_bug(error, ground.left):
            ground.note_error(visit, error)
    else:
        visit.end()
    finally:
        visit.close()


def _plain_visit(visitor: Visitor) -> None:
    """One visit under plain Locust, which knows neither whether a target may be attacked nor a bound."""
    if visitor.attack:
        told = "%s is an attack: it runs by `holdfast load` only, where it is bounded"
        logging.getLogger(__name__).error(told, type(visitor).__name__)
        raise StopTest
    ground = _plain_ground(visitor)
    account = ground.accounts.lease(visitor.mfa)
    if account is None:
        logging.getLogger(__name__).warning("no account is free: fewer users, please")
        return
    try:
        make_visit(Visit(ground, type(visitor).__name__, account, ground.clock.now()), ground, lambda: visitor)
    finally:
        ground.accounts.give_back(account)


def _plain_ground(visitor: Visitor) -> Ground:
    """One for each Locust environment, made when first needed."""
    environment: Any = visitor.environment
    ground: Ground | None = getattr(environment, "holdfast_ground", None)
    if ground is None:
        host = visitor.host or environment.host
        if not host:
            raise StopTest("give the target's address: --host http://127.0.0.1:8080")
        clock = SystemClock()
        outbox = os.environ.get("HOLDFAST_OUTBOX_URL")

        def note_error(visit: Visit, error: BaseException) -> None:
            logging.getLogger(__name__).error("%s: %s", visit.scenario, error, exc_info=error)
            environment.events.user_error.fire(user_instance=visitor, exception=error, tb=error.__traceback__)

        ground = environment.holdfast_ground = Ground(
            dialer=Dialer(Origin.of(host)),
            clock=clock,
            accounts=AccountPool(generated_accounts(0, _PLAIN_ACCOUNTS), clock),
            inbox=Inbox(outbox, fetcher(_OUTBOX_SECONDS, marker=_MARKER)) if outbox else None,
            make_service=adapter_at(None),
            ledger=shared_ledger(Path(STATE_FOLDER), host) if Path(CONFIG_FILE).is_file() else StepLedger(),
            marker=_MARKER,
            recorder=None,
            fire=environment.events.request.fire,
            note_error=note_error,
            choices=Random(),
            left=LEFT,
        )
    return ground
