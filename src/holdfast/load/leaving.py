"""How a visit or a step ended, by the exception that came out of it.

`left` are the engine's own ways to leave a task, Locust's StopUser and the like: the visitor has done what it came for.
They are handed in, since importing Locust patches the whole process.
"""

import inspect
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Final, TypeVar

import gevent

from holdfast.kit.outcome import OutcomeError
from holdfast.record.sample import DROPPED, FAILED, OK, OUTCOMES, TIMED_OUT, UNFINISHED
from holdfast.wording import detail_said, type_name

Left = tuple[type[BaseException], ...]
_AUTHORS: Final = frozenset(OUTCOMES) - {DROPPED, UNFINISHED}
"""What an author's code may come to by its own word: what is excused, or was never sent, is ours to find."""
Error = TypeVar("Error", bound=BaseException)


def outcome_of(error: BaseException | None, left: Left, measured: Sequence[BaseException] = ()) -> tuple[str, str]:
    """The outcome, and its detail. Of an author's own outcome it is what stands in the source (see `holdfast.wording`);
    that of one of `measured`, errors which our client made, is a status or the name of a kind of ours."""
    if error is None or isinstance(error, left):
        return OK, ""
    if isinstance(error, OutcomeError):
        if any(error is one for one in measured):
            return error.outcome, error.detail
        met = {one.outcome for one in measured if isinstance(one, OutcomeError)}  # which an adapter may hand on
        outcome = error.outcome if error.outcome in _AUTHORS or error.outcome in met else FAILED
        return outcome, detail_said(error.detail, error)
    if isinstance(error, gevent.Timeout):  # the scenario's own patience: no Exception, and yet an outcome
        return TIMED_OUT, type_name(error)
    return FAILED, type_name(error)


def is_bug(error: BaseException, left: Left) -> bool:
    """Whether it says something of the scenario or the adapter, and nothing of the target."""
    return not isinstance(error, (OutcomeError, gevent.Timeout, gevent.GreenletExit, *left))


def is_end(error: BaseException) -> bool:
    """Whether the visitor is being ended from outside, and must not go on.

    Not by a sys.exit() or KeyboardInterrupt of its own, which gevent would take to the whole process: the load ignores
    SIGINT.
    """
    return isinstance(error, gevent.GreenletExit)


def raised_here(error: Error) -> Error:
    """`error` with the calls that led to who calls this: where it is told before it has been raised."""
    here = inspect.currentframe()
    frame: FrameType | None = None if here is None else here.f_back
    trace: TracebackType | None = None
    while frame is not None:
        trace = TracebackType(trace, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return error.with_traceback(trace)
