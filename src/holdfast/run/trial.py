"""One adapter tried against its target, an operation at a time: what each did, and what was put back.

In: an adapter's maker, a client, test accounts. Out: a `Tried` for each operation. `trials` says what is tried.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, get_args, get_type_hints

from holdfast.authored import place_in
from holdfast.errors import Problem
from holdfast.kit.accounts import Account
from holdfast.kit.adapter import is_offered, operations
from holdfast.kit.outcome import NOT_OFFERED, OutcomeError
from holdfast.kit.service import SelfService
from holdfast.load.scenario_error import text_of
from holdfast.record.sample import RATE_LIMITED

if TYPE_CHECKING:
    from holdfast.run.plain_client import PlainClient  # which needs the packages of load

Verdict = Literal["works", "missing", "broken", "not_tried"]
NO_OUTBOX: Final = "no_outbox"
_PLAIN: Final = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Tried:
    """How one operation went. `seconds`: of the call; None unless it works. `reason`: empty when it works."""

    operation: str
    verdict: Verdict
    seconds: float | None = None
    reason: str = ""


class StepOverError(Exception):
    """The rest of a trial cannot be tried: why."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One who comes to try: an account, the client that it came with, the adapter on it."""

    account: Account
    client: "PlainClient"
    service: SelfService


class Book:
    """What has been found so far. `adapter`: the file, for the places of its bugs; None for the reference stack's."""

    def __init__(self, offered: object, adapter: Path | None, where: str) -> None:
        self._adapter = adapter
        self._where = where
        self._undo: list[tuple[str, Visitor, Callable[[], object]]] = []
        self.problems: list[Problem] = []
        self.left_in: list[Problem] = []
        self.tried: dict[str, Tried] = {}
        for name in operations():
            if not is_offered(offered, name):
                self.tried[name] = Tried(name, "missing", reason=_why_missing(offered, name))

    def call(self, visitor: Visitor, operation: str, *given: Any, **named: Any) -> Any:
        """Call it and judge what it returns. Raises StepOverError when it is missing or broken."""
        known = self.tried.get(operation)
        if known is not None and known.verdict != "works":
            raise StepOverError(f"{operation} is {known.verdict.replace('_', ' ')}")
        visitor.client.last = None
        began = time.monotonic()
        try:
            found = getattr(visitor.service, operation)(*given, **named)
        except OutcomeError as error:
            self._note_outcome(visitor, operation, error)
            raise StepOverError(f"{operation} is {self.tried[operation].verdict.replace('_', ' ')}") from error
        except KeyboardInterrupt:  # may be a Ctrl-C
            raise
        except BaseException as error:  # a sys.exit() of the adapter's does not end us
            where = place_in(self._adapter, error) if self._adapter is not None else self._where
            self.break_(operation, text_of(error, visitor.account), visitor, where=where)
            raise StepOverError(f"{operation} is broken") from error
        seconds = time.monotonic() - began
        wrong = _wrong_with(found, _returned_by(operation), operation)
        if wrong:
            self.fails(visitor, operation, wrong)
        self.works(operation, seconds)
        return found

    def must(self, holds: bool, visitor: Visitor, operation: str, otherwise: str) -> None:
        """What must be true of an operation that was called. Raises StepOverError when it is not."""
        if not holds:
            self.fails(visitor, operation, otherwise)

    def fails(self, visitor: Visitor, operation: str, what: str) -> NoReturn:
        """It does not do what it must."""
        self.break_(operation, what, visitor)
        raise StepOverError(f"{operation} is broken")

    def break_(self, operation: str, what: str, visitor: Visitor, *, where: str = "") -> None:
        self.tried[operation] = Tried(operation, "broken", reason=f"{what}{_asked(visitor)}")
        fix = "`holdfast guide write-an-adapter` says what it must do"
        self.problems.append(Problem(where or self._where, f"{operation}: {what}{_asked(visitor)}", fix))

    def offers(self, operation: str) -> bool:
        """Whether it is of the protocol, and nothing yet speaks against it."""
        known = self.tried.get(operation)
        return operation in operations() and (known is None or known.verdict == "works")

    def needs(self, *wanted: str) -> None:
        """Said before a change that they take back. Raises StepOverError when one is not offered."""
        for operation in wanted:
            if not self.offers(operation):
                raise StepOverError(f"{operation} is {self.tried[operation].verdict.replace('_', ' ')}")

    def works(self, operation: str, seconds: float) -> None:
        self.tried.setdefault(operation, Tried(operation, "works", seconds))

    def rename(self, called: str, meant: str) -> None:
        """What was told of `called` is told of `meant`."""
        self.tried[meant] = replace(self.tried[called], operation=meant)
        self.problems = [
            replace(p, what=p.what.replace(f"{called}:", f"{meant}:", 1)) if p.what.startswith(f"{called}:") else p
            for p in self.problems
        ]

    def skip(self, covers: tuple[str, ...], why: str) -> None:
        """Those of `covers` that nothing is known of were not tried."""
        for name in covers:
            if name in operations():
                self.tried.setdefault(name, Tried(name, "not_tried", reason=why))

    def put_back(self, what: str, visitor: Visitor, undo: Callable[[], object]) -> None:
        """To be done when the trial is over, whatever became of it. Say it before the change is made."""
        self._undo.append((what, visitor, undo))

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Puts everything back at the end, the last change first."""
        try:
            yield
        finally:
            while self._undo:
                what, visitor, undo = self._undo.pop()
                try:
                    undo()
                except (Exception, SystemExit) as error:  # noqa: BLE001  the others must be put back all the same
                    told = f"the {what} of a test account could not be put back: {text_of(error, visitor.account)}"
                    fix = f"account {visitor.account.index} of the target's accounts: look at it by hand"
                    self.left_in.append(Problem(self._where, told, fix))

    def _note_outcome(self, visitor: Visitor, operation: str, error: OutcomeError) -> None:
        if error.detail == NOT_OFFERED:
            self.tried[operation] = Tried(operation, "missing", reason=NOT_OFFERED)
        elif error.detail == NO_OUTBOX:
            self.tried[operation] = Tried(operation, "not_tried", reason="the target names no outbox_url")
        elif error.outcome == RATE_LIMITED:
            wait = f": again in {error.retry_after:.0f} s" if error.retry_after is not None else ""
            self.tried[operation] = Tried(operation, "not_tried", reason=f"the target limits its rate{wait}")
        else:
            self.break_(operation, _told(error, visitor.account), visitor)


def _why_missing(offered: object, name: str) -> str:
    return NOT_OFFERED if callable(getattr(offered, name, None)) else "not_implemented"


def _told(error: OutcomeError, account: Account) -> str:
    """Words and statuses are told as they are; what may be a value is not."""
    if re.fullmatch(r"[A-Za-z_]*|[0-9]{3}", error.detail):
        return f"{error.outcome} {error.detail}".strip()
    return text_of(error, account).partition(": ")[2]


def _asked(visitor: Visitor) -> str:
    return f" ({visitor.client.last})" if visitor.client.last is not None else ""


def _returned_by(operation: str) -> Any:
    return get_type_hints(getattr(SelfService, operation))["return"]


def _wrong_with(value: object, hint: Any, what: str) -> str:
    """What an operation's result is instead of what the protocol says; empty when it is that."""
    if hint is type(None):
        return ""
    if getattr(hint, "__origin__", None) is tuple:
        if not isinstance(value, tuple):
            return f"{what} returned {type(value).__name__}, not a tuple"
        inner = get_args(hint)[0]
        return next((wrong for wrong in (_wrong_with(one, inner, f"{what}[…]") for one in value) if wrong), "")
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, hint):
            return f"{what} returned {type(value).__name__}, not {hint.__name__}"
        hints: Mapping[str, Any] = get_type_hints(hint)
        found = (_wrong_with(getattr(value, f.name), hints[f.name], f"{hint.__name__}.{f.name}") for f in fields(hint))
        return next((wrong for wrong in found if wrong), "")
    if hint in _PLAIN:
        fits = isinstance(value, (int, float) if hint is float else hint) and (hint is bool) == isinstance(value, bool)
        return "" if fits else f"{what} is {type(value).__name__}, not {hint.__name__}"
    return ""
