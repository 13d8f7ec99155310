"""A process that makes load: how it settles before it begins, and how it leaves."""

import contextlib
import os
import resource
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

from holdfast.errors import ExitCode

_SWITCH_INTERVAL: Final = (
    0.0005  # seconds the recording thread may keep the interpreter from the loop; Python's is 5 ms
)
_PRIORITY: Final = -10


def settle() -> None:
    """Take what the machine gives a generator."""
    # Every visitor in flight holds a socket: take what the hard limit gives.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Where the machine is shared with the target, the clock of the measurement must not wait. Takes root; else no.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    sys.setswitchinterval(_SWITCH_INTERVAL)


def leave_after(main: Callable[[], int]) -> NoReturn:
    """`main`, then out with its exit code: the threads that read our stdin cannot be interrupted."""
    code = int(ExitCode.HOLDFAST_FAILED)
    try:
        code = main()
    except BaseException:  # noqa: BLE001  it must end here, by whatever it ends
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):  # a full disk, a terminal that is gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
