"""Is the generator to be trusted? Pure: the record of a run in, checks with verdicts out.

A saturated generator measures itself. Each limit below is a claim about when its own share in what it measured stops
being small; beyond the second one the run is invalid, never green.
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, depth_of
from holdfast.record.store import Gauge

HealthVerdict = Literal["valid", "degraded", "invalid"]

# Lag is part of every response time we report. At 10 ms it begins to show in the quantiles of a web service; at 100 ms
# it is a tenth of a second, where a person notices (Miller 1968), and no longer the target's doing.
LAG_DEGRADED: Final = 0.010
LAG_INVALID: Final = 0.100
# A loop that comes back late stamps ends late: answers that had arrived look slow. Judged by the p90 of each second's
# worst of 20 looks, so that one hiccup is not a verdict: what it did to arrivals is in the lag.
LOOP_DELAY_DEGRADED: Final = 0.050
LOOP_DELAY_INVALID: Final = 0.250
# One event loop has one core. Queueing in it grows with 1/(1 - u): from 0.8 on it dominates (k6's advice: keep 20 %
# idle; Hyperfoil's watchdog: the same), at 0.95 it is 20 service times.
CPU_DEGRADED: Final = 0.80
CPU_INVALID: Final = 0.95
# A dropped arrival was never sent: the target was spared. 0.1 % can be a burst; 1 % bends a p99.
DROPPED_DEGRADED: Final = 0.001
DROPPED_INVALID: Final = 0.01
# Least n for which a distribution-free one-sided 95 % upper bound exists: 59 for the p95, 299 for the p99
# (0.95^59 < 0.05, 0.99^299 < 0.05).
SAMPLES_FOR_P95: Final = 59
SAMPLES_FOR_P99: Final = 299
NO_ACCOUNT: Final = "no free account"
NO_VISITOR: Final = "no free visitor"
GENERATOR_LATE: Final = "generator late"
"""Why an arrival was dropped: details of samples."""

_CURES: Final[Mapping[str, str]] = {
    NO_ACCOUNT: "give the target more accounts",
    NO_VISITOR: "raise the profile's visitors: at_most",
    GENERATOR_LATE: "give the generator a faster or an idle core",
}

# Limits of our own machine: an error with one of these says nothing about the target.
LOCAL_LIMITS: Final[Mapping[int, str]] = {
    errno.EMFILE: "NoDescriptorLeft",
    errno.ENFILE: "NoDescriptorLeft",
    errno.EADDRNOTAVAIL: "NoLocalPortLeft",
    errno.ENOBUFS: "NoBufferLeft",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One measure against its limit. `value` None: it was not measured. Times in seconds, shares 0 to 1."""

    name: str
    verdict: HealthVerdict
    value: float | None
    limit: float | None
    reason: str


def check_health(*, load: Sequence[Interval], gauges: Iterable[Gauge], done: Mapping[str, float]) -> tuple[Check, ...]:
    """Judge a generator by its intervals, its gauges (source "generator") and what it told at its end, if it did."""
    visits = [interval for interval in load if depth_of(interval.name) == 1]
    sent = [interval for interval in visits if interval.outcome != DROPPED]
    by_name: dict[str, list[float]] = {}
    for gauge in gauges:
        by_name.setdefault(gauge.name, []).append(gauge.value)
    lag = Histogram.sum(i.lag if i.lag is not None else Histogram({0: i.count}) for i in sent)
    reasons: dict[str, int] = {}
    for visit in visits:
        if visit.outcome == DROPPED:
            reasons[visit.detail] = reasons.get(visit.detail, 0) + visit.count
    return check(
        lag_p99=lag.quantile(0.99),
        loop_delay=_quantile(by_name.get("loop_delay", []), 0.90),
        cpu=_quantile(by_name.get("cpu", []), 0.95),
        due=sum(i.count for i in visits),
        dropped_for=reasons,
        local_errors=sum(i.count for i in load if depth_of(i.name) == 3 and i.detail in LOCAL_LIMITS.values()),
        done=done,
    )


def check(
    *,
    lag_p99: float | None,
    loop_delay: float | None,
    cpu: float | None,
    due: int,
    dropped_for: Mapping[str, int],
    local_errors: int,
    done: Mapping[str, float],
) -> tuple[Check, ...]:
    """The same of plain numbers: seconds, `cpu` as a share of one core, `dropped_for` counts by reason."""
    return (
        _measured("lag", lag_p99, LAG_DEGRADED, LAG_INVALID, "arrivals waited in our own generator, p99"),
        _measured(
            "loop_delay",
            loop_delay,
            LOOP_DELAY_DEGRADED,
            LOOP_DELAY_INVALID,
            "the generator's loop came back late, p90 of seconds",
        ),
        _measured("cpu", cpu, CPU_DEGRADED, CPU_INVALID, "share of its one core that the generator took, p95"),
        _dropped(due, dropped_for),
        _local_limits(local_errors),
        _reconciled(done),
        _enough(due - sum(dropped_for.values())),
    )


def _measured(name: str, value: float | None, degraded: float, invalid: float, what: str) -> Check:
    if value is None:
        return Check(name, "invalid", None, invalid, f"{what}: never measured, so nothing vouches for it")
    if value > invalid:
        return Check(name, "invalid", value, invalid, f"{what}: the measurement is largely our own")
    if value > degraded:
        return Check(name, "degraded", value, degraded, f"{what}: it shows in what was measured")
    return Check(name, "valid", value, degraded, what)


def _dropped(due: int, dropped_for: Mapping[str, int]) -> Check:
    dropped = sum(dropped_for.values())
    share = dropped / due if due else 0.0
    most = max(dropped_for, key=lambda why: dropped_for[why], default=NO_VISITOR)
    cure = _CURES.get(most, most)
    what = f"{dropped} of {due} arrivals found nobody to take them"
    if share > DROPPED_INVALID:
        return Check("dropped", "invalid", share, DROPPED_INVALID, f"{what}: the target was spared ({cure})")
    if share > DROPPED_DEGRADED:
        return Check("dropped", "degraded", share, DROPPED_DEGRADED, f"{what} ({cure})")
    return Check("dropped", "valid", share, DROPPED_DEGRADED, what)


def _local_limits(errors: int) -> Check:
    name, what = "local_limits", "requests failed for want of our own descriptors or ports"
    if errors:
        reason = f"{errors} {what}: raise `ulimit -n` or net.ipv4.ip_local_port_range"
        return Check(name, "invalid", float(errors), 0.0, reason)
    return Check(name, "valid", 0.0, 0.0, f"no {what}")


def _reconciled(done: Mapping[str, float]) -> Check:
    name = "reconciled"
    try:
        planned, started, dropped = done["planned"], done["started"], done["dropped"]
        finished, unfinished = done["finished"], done["unfinished"]
    except KeyError:
        return Check(name, "invalid", None, 0.0, "the generator did not tell its totals: it ended before its time")
    off = abs(planned - started - dropped) + abs(started - finished - unfinished)
    if off:
        reason = (
            f"planned {planned:.0f} is not started {started:.0f} + dropped {dropped:.0f}, or started is not "
            f"finished {finished:.0f} + unfinished {unfinished:.0f}: {off:.0f} arrivals are unaccounted for"
        )
        return Check(name, "invalid", off, 0.0, reason)
    return Check(name, "valid", 0.0, 0.0, "planned = started + dropped, started = finished + unfinished")


def _enough(sent: int) -> Check:
    if sent < SAMPLES_FOR_P95:
        reason = f"{sent} visits were made: fewer than {SAMPLES_FOR_P95} bound no p95 with 95 % confidence"
        return Check("samples", "degraded", float(sent), float(SAMPLES_FOR_P95), reason)
    if sent < SAMPLES_FOR_P99:
        reason = f"{sent} visits were made: enough to bound a p95, not a p99 (that takes {SAMPLES_FOR_P99})"
        return Check("samples", "valid", float(sent), float(SAMPLES_FOR_P95), reason)
    return Check("samples", "valid", float(sent), float(SAMPLES_FOR_P99), f"{sent} visits were made")


def _quantile(values: Sequence[float], q: float) -> float | None:
    """Nearest rank."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(q * len(ordered) + 0.999999) - 1))]
