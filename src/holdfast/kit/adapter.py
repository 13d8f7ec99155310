"""Choosing the adapter: the reference stack's, or the user's own file named in holdfast.yaml."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import InputError, Problem
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
    fix = f"write `def {_FUNCTION}(client, inbox, clock, ledger)` that returns the adapter"
    spec = importlib.util.spec_from_file_location(f"holdfast_adapter_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(Problem(str(path), "there is no such Python file", fix))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(Problem(str(path), f"cannot be imported: {type(error).__name__}: {error}", fix)) from error
    make: MakeService | None = getattr(module, _FUNCTION, None)
    if make is None:
        raise InputError(Problem(str(path), f"has no function {_FUNCTION}", fix))
    return make
