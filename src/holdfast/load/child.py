"""The load child: a process of its own, because Locust patches the one it is imported in.

The job, beside what every child is given (see `holdfast.channel`):

    load       [{"name", "scale", "start", "end", "profile": {"arrivals", "stages": [{"from", "to", "seconds"} or
                 {"mean", "amplitude", "period", "seconds"}], "mix", "at_most", "virtual_users", "think_time",
                 "new_connections", "accounts"}}]                   rates in arrivals a second, times in seconds
    scenarios  {"sign_in": path}
    accounts   {"first", "count"}
    drain      seconds to wait, after the last arrival, for those who are still there
    workers    how many processes of this machine play it; none: this one does
    remote     {"count", "host", "port", "key"}: workers of other machines join there
    patience   seconds to wait for workers to join
    adaptive   true: no stages; play each {"hold": {"name", "rate", "start", "seconds", "mix", …}} that comes,
               tell "held" after each, end on stop; `at_most` visitors

It tells `scenario_error` once for each bug of a scenario; at its end `scenario_errors`, how many visits each ended, and
planned, started, dropped, finished and unfinished: planned = started + dropped and started = finished +
unfinished, or the run is not to be trusted.
"""

import gc
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.channel import ChildEnd
from holdfast.errors import HoldfastError, MeasurementError, Problem
from holdfast.kit.accounts import secrets_in
from holdfast.load.process import leave_after, settle
from holdfast.process import undo_inherited

if TYPE_CHECKING:
    from holdfast.load.distribution import Master


def main() -> int:
    """Play one job; the exit code: 0, or 2 when the job cannot be done."""
    undo_inherited()
    channel = ChildEnd.from_standard_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to hear; it tells us to drain
    message = channel.receive()
    if message is None:
        return 0
    import locust  # noqa: F401  first: it patches sockets and TLS, and must not come late

    from holdfast.load.distribution import Master
    from holdfast.load.job import Job
    from holdfast.load.loading import load_scenarios
    from holdfast.load.session import alone

    settle()
    try:
        if "check" in message:
            load_scenarios({name: Path(path) for name, path in message["check"].items()})
            channel.tell({"checked": True})
            message = channel.receive()
            if message is None or "stop" in message:
                return 0
        channel.redactor.add(*secrets_in(message["target"].get("accounts")))
        if message.get("workers") or message.get("remote"):
            return _lead(Master(message, channel), channel)
        session = alone(Job.of(message), channel)
        session.open()
    except HoldfastError as error:
        channel.tell_problems(error.problems)
        return 2
    except (KeyError, TypeError, ValueError) as error:
        channel.tell_problems(
            [Problem("load job", f"{type(error).__name__}: {error}", "is the runner of this version?")]
        )
        return 2
    gc.collect()
    gc.freeze()  # what is loaded by now lives as long as the process: no collection need walk it again
    channel.tell_ready()
    session.run()
    return 0


def _lead(master: "Master", channel: ChildEnd) -> int:
    """Have workers play it. The exit code."""
    try:
        master.prepare()
    except MeasurementError as error:
        sys.stderr.write(f"{error}\n")  # the runner quotes our log, in which the worker wrote before
        master.close("the run could not begin")
        return 1
    except HoldfastError as error:
        channel.tell_problems(error.problems)
        master.close("the run could not begin")
        return 2
    channel.tell_ready()
    master.run()
    return 0


def run() -> None:
    """`main`, then out."""
    leave_after(main)
