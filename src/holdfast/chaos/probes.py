"""The probes that experiment files name: `answers`, `objective_holds`, `replicas_ready`. They never raise for a target
that is down: that is an answer too."""

import math
import os
from typing import Final

from holdfast.chaos.context import Context, load_context
from holdfast.chaos.faults.replicas import supervisor_of
from holdfast.chaos.supervisor import REPLICA, RUNNING
from holdfast.clock import SystemClock
from holdfast.errors import HoldfastError
from holdfast.kit.plain_client import Rules, UnansweredError, ask
from holdfast.record.store import RunStore
from holdfast.workspace.target import Connection
from holdfast.workspace.tls import context_of

HOLDS: Final = "holds"
MISSED: Final = "missed"
CANNOT_TELL: Final = "cannot tell"
OUTSIDE_A_RUN: Final = "outside a run"

GUARD: Final = "guard"  # the source of the gauges that the run's guard writes
_STALE_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 3.0
_MOST_REDIRECTS: Final = 3


def answers(path: str = "/readyz", within: float = _PATIENCE_SECONDS) -> bool:
    """Whether the target's edge answers `path` with 2xx within so many seconds."""
    context = _context()
    return _is_ok(context.target.url.rstrip("/") + path, within, context.target)


def objective_holds(name: str, burn_below: float = 1.0) -> str:
    """Whether the objective's burn rate, as the run's guard measured it last, is below the limit.

    "holds: …", "missed: …", "cannot tell: …" (nothing measured yet, or nothing new for 5 s: never a pass), or
    "outside a run: …", when nobody measures. Tolerance: `{type: regex, pattern: "^(holds|outside a run)"}`.
    """
    context = _context()
    if context.run_db is None:
        return f"{OUTSIDE_A_RUN}: nobody measures {name}; run this experiment in a plan"
    clock = SystemClock() if context.anchor is None else SystemClock(context.anchor)
    now = clock.now()
    try:
        with RunStore.open(context.run_db) as store:
            measured = store.gauges(GUARD, f"{name}/burn_rate", since=now - 60.0)
    except HoldfastError as error:
        return f"{CANNOT_TELL}: {error}"
    if not measured:
        return f"{CANNOT_TELL}: the guard has measured no burn rate of {name} in the last minute"
    burn_rate, age = measured[-1].value, now - measured[-1].at
    if age > _STALE_SECONDS or math.isnan(burn_rate):
        return f"{CANNOT_TELL}: the newest burn rate of {name} is {burn_rate:.2f}, {age:.1f} s old"
    if burn_rate < burn_below:
        return f"{HOLDS}: {name} burns its budget at {burn_rate:.2f}, below {burn_below:g}"
    return f"{MISSED}: {name} burns its budget at {burn_rate:.2f}, not below {burn_below:g}"


def replicas_ready(at_least: int = 1) -> bool:
    """Whether so many replicas run and say at /readyz that they are ready."""
    context = _context()
    try:
        replicas = [p for p in supervisor_of(context.target).processes() if p.kind == REPLICA and p.state == RUNNING]
    except HoldfastError:
        return False
    ready = sum(
        1
        for replica in replicas
        if replica.url is None or _is_ok(replica.url.rstrip("/") + "/readyz", _PATIENCE_SECONDS, context.target)
    )
    return ready >= at_least


def _context() -> Context:
    return load_context(os.environ)


def _is_ok(url: str, within: float, target: Connection) -> bool:
    """A redirect is followed on the origin that was asked only: another one says nothing of the target."""
    rules = Rules(target.marker, deadline=within, most_bytes=0, redirects=_MOST_REDIRECTS)
    try:
        return 200 <= ask(url, rules, tls=context_of(target.tls)).status < 300
    except UnansweredError:
        return False
