"""How a visit or a step ended, by the exception that came out of it.

`left` are the engine's own ways to leave a task, Locust's StopUser and the like: the visitor has done what it came for.
They are handed in, since importing Locust patches the whole process.
"""

from typing import TypeGuard

import gevent

from holdfast.kit.outcome import OutcomeError
from holdfast.record.sample import FAILED, OK, TIMED_OUT

Left = tuple[type[BaseException], ...]


def outcome_of(error: BaseException | None, left: Left) -> tuple[str, str]:
    """The outcome, and its detail."""
    if error is None or isinstance(error, left):
        return OK, ""
    if isinstance(error, OutcomeError):
        return error.outcome, error.detail
    if isinstance(error, gevent.Timeout):  # the scenario's own patience: no Exception, and yet an outcome
        return TIMED_OUT, type(error).__name__
    return FAILED, type(error).__name__


def is_bug(error: BaseException, left: Left) -> TypeGuard[Exception]:
    """Whether it says something of the scenario or the adapter, and nothing of the target."""
    return isinstance(error, Exception) and not isinstance(error, (OutcomeError, *left))


def is_end(error: BaseException) -> bool:
    """Whether the visitor is being ended from outside, and must not go on."""
    return not isinstance(error, (Exception, gevent.Timeout))
