"""Choosing the adapter: the reference stack's, or the user's own file named in holdfast.yaml."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.authored import import_file
from holdfast.clock import Clock
from holdfast.errors import InputError, Problem, shown
from holdfast.kit.client import Client
from holdfast.kit.inbox import Inbox
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
    if make is None:
        fix = f"write `def {_FUNCTION}(client, inbox, clock, ledger)` that returns the adapter"
        raise InputError(Problem(shown(path), f"has no function {_FUNCTION}", fix))
    return make
