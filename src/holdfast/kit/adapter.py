"""Choosing the adapter: the reference stack's, or the user's own file named in holdfast.yaml; and what it offers.

What operations there are is said once, by the protocol `SelfService`.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from holdfast.authored import import_file, place_in
from holdfast.clock import Clock, SystemClock
from holdfast.errors import InputError, Problem, shown
from holdfast.kit.client import Client
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import not_offered
from holdfast.kit.service import ReferenceService, SelfService
from holdfast.kit.totp import StepLedger

MakeService = Callable[[Client, Inbox | None, Clock, StepLedger], SelfService]
_FUNCTION: Final = "self_service"


def adapter_at(path: Path | None) -> MakeService:
    """The function that makes one visitor's adapter. None: the reference stack's.

    Raises InputError when the file cannot be imported or lacks `self_service`.
    """
    if path is None:
        return ReferenceService
    module = import_file(path, f"holdfast_adapter_{path.stem}")
    make: MakeService | None = getattr(module, _FUNCTION, None)
    if not callable(make):
        fix = f"write `def {_FUNCTION}(client, inbox, clock, ledger)` that returns the adapter"
        raise InputError(Problem(shown(path), f"has no function {_FUNCTION}", fix))
    return make


def operations() -> tuple[str, ...]:
    """The names of all operations, in the protocol's order."""
    return tuple(name for name, value in vars(SelfService).items() if inspect.isfunction(value) and name[0] != "_")


def known_to(service: object) -> tuple[str, ...]:
    """All names that a scenario may ask an adapter for: those of the protocol, and the adapter's own."""
    own = (name for name in dir(type(service)) if name[0] != "_" and callable(getattr(type(service), name, None)))
    return tuple(dict.fromkeys((*operations(), *own)))


def is_offered(service: object, operation: str) -> bool:
    """Whether an adapter has it: it is there, and is not `not_offered`."""
    found = getattr(service, operation, None)
    return callable(found) and getattr(found, "__func__", found) is not not_offered


def made_unasked(make: MakeService, path: Path | None) -> SelfService:
    """The adapter with nobody to talk to, to see what it offers. Raises InputError when it cannot be made."""
    try:
        return make(_Nobody(), None, SystemClock(), StepLedger())
    except KeyboardInterrupt:  # may be a Ctrl-C
        raise
    except BaseException as error:  # whatever the author's code raises is the author's to see, a sys.exit() too
        where = "the adapter" if path is None else place_in(path, error)
        what = f"{_FUNCTION}(client, inbox, clock, ledger) raises {type(error).__name__}: {error}"
        fix = "make the adapter there, and send nothing yet; `inbox` is None where no outbox is named"
        raise InputError(Problem(where, what, fix)) from error


class _Nobody:
    """A client in whose place nobody answers."""

    def request(
        self,
        method: str,
        path: str,
        **_asked: object,
    ) -> NoReturn:
        raise RuntimeError(f"{method} {path} was sent while the adapter was made")
