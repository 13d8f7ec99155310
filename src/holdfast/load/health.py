"""Is the generator to be trusted? Pure: the record of a run in, checks with verdicts out.

A saturated generator measures itself. Beyond the limits (see `limits`) a run is degraded or invalid, never green.
"""

import errno
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from holdfast.load import limits
from holdfast.load.calibration import Ceiling
from holdfast.load.dropping import cure_for
from holdfast.load.limits import Limit
from holdfast.load.measured import CLOCK_OFFSET, CLOCK_ROUND_TRIP, Measured, measured_in, quantile, wait_at_any_moment
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, NO_ACCOUNT
from holdfast.record.store import Event, Gauge

HealthVerdict = Literal["valid", "degraded", "invalid"]

LAG_INVALID: Final = limits.LAG.invalid
_LESS_LOAD: Final = "give the generator an idle core, or ask for less"

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


def check_health(
    *,
    load: Sequence[Interval],
    gauges: Iterable[Gauge],
    done: Mapping[str, float],
    events: Iterable[Event] = (),
    ceiling: Ceiling | None = None,
    expected_limited: Collection[str] = (),
    closed: bool = False,
) -> tuple[Check, ...]:
    """Judge a generator by its intervals, its gauges, what it told at its end, if it did, and the runner's events.

    `expected_limited`: scenarios that mean to be rate-limited, such as an attack. `closed`: there were virtual users.
    """
    return check(measured_in(load, gauges, done, events, closed=closed), ceiling, expected_limited)


def check(
    measured: Measured, ceiling: Ceiling | None = None, expected_limited: Collection[str] = ()
) -> tuple[Check, ...]:
    """The same of plain numbers."""
    lag = _lag(measured)
    return (
        lag,
        _of_workers(
            measured, "loop_delay", limits.LOOP_DELAY, "the generator's loop came back late, p90 of seconds", 0.90
        ),
        _of_workers(measured, "cpu", limits.CPU, "share of its one core that the generator took, p95", 0.95),
        _of_machine(
            measured,
            "steal",
            limits.STEAL,
            "share of the machine's CPU time that its host gave to others, p90 of seconds",
            "take a machine with cores of its own",
            lambda values: quantile(values, 0.90) or 0.0,
        ),
        _of_machine(
            measured,
            "throttled",
            limits.THROTTLED,
            "share of the CPU quota's periods in which we were stopped",
            "raise or lift the container's CPU limit",
            lambda values: sum(values) / len(values),
        ),
        _of_machine(
            measured,
            "descriptors",
            limits.DESCRIPTORS,
            "share of the open files allowed that were in use, at most",
            "raise `ulimit -n`",
            max,
        ),
        _local_limits(measured),
        _dropped(measured, late=lag.verdict == "invalid"),
        _accounts(measured),
        _rate_limited(measured, expected_limited),
        _unfinished(measured),
        *_idle_closed(measured),
        _ceiling(measured, ceiling),
        *_machine_cpu(measured),
        *_workers(measured),
        *_clocks(measured),
        _reconciled(measured.done, measured.due, measured.lost),
        _enough(measured.sent),
    )


def _graded(name: str, value: float, limit: Limit, reasons: tuple[str, str, str]) -> Check:
    """`reasons`: where it is valid, degraded, invalid."""
    if value > limit.invalid:
        return Check(name, "invalid", value, limit.invalid, reasons[2])
    if value > limit.degraded:
        return Check(name, "degraded", value, limit.degraded, reasons[1])
    return Check(name, "valid", value, limit.degraded, reasons[0])


def _measured(name: str, value: float | None, limit: Limit, what: str, cure: str) -> Check:
    if value is None:
        return Check(name, "invalid", None, limit.invalid, f"{what}: never measured, so nothing vouches for it")
    shows, ours = (
        f"{what}: it shows in what was measured ({cure})",
        f"{what}: the measurement is largely our own ({cure})",
    )
    return _graded(name, value, limit, (what, shows, ours))


def _lag(measured: Measured) -> Check:
    """A virtual user's visit is due when we get to it, so it never waits, however long we stood still before. There the
    loop itself is asked: what would an arrival have waited that came at any moment?
    """
    value, what = measured.lag_p99, "arrivals waited in our own generator, p99"
    if measured.closed and value is not None:
        delays = [gauges.get("loop_delay", ()) for gauges in measured.gauges.values()]
        wait = max((wait_at_any_moment(of_worker, 0.99) for of_worker in delays), default=0.0)
        if wait > value:
            value, what = wait, "our own generator stood still: who had come at any moment would have waited, p99"
    return _measured("lag", value, limits.LAG, what, _LESS_LOAD)


def _of_workers(measured: Measured, name: str, limit: Limit, what: str, q: float) -> Check:
    """The worst of the workers; one that never told is the worst of all."""
    told = {worker: quantile(gauges.get(name, ()), q) for worker, gauges in measured.gauges.items()}
    mute = [worker for worker, value in told.items() if value is None]
    worst = mute[0] if mute else max(told, key=lambda worker: told[worker] or 0.0, default=None)
    named = what if worst is None or len(told) == 1 else f"{worst}: {what}"
    return _measured(name, None if worst is None else told[worst], limit, named, _LESS_LOAD)


def _of_machine(
    measured: Measured,
    name: str,
    limit: Limit,
    what: str,
    cure: str,
    summed_up: Callable[[Sequence[float]], float],
) -> Check:
    """The same of what only some machines tell: what is not known then is said, and no reason for distrust."""
    known = {worker: summed_up(gauges[name]) for worker, gauges in measured.gauges.items() if gauges.get(name)}
    if not known:
        return Check(name, "valid", None, limit.degraded, f"{what}: not told by this run")
    worst = max(known, key=lambda worker: known[worker])
    named = what if len(measured.gauges) == 1 else f"{worst}: {what}"
    return _graded(name, known[worst], limit, (named, f"{named} ({cure})", f"{named}: time was not ours ({cure})"))


def _local_limits(measured: Measured) -> Check:
    name, what = "local_limits", "requests failed for want of our own descriptors or ports"
    errors = sum(measured.details.get(detail, 0) for detail in set(LOCAL_LIMITS.values()))
    if errors:
        reason = f"{errors} {what}: raise `ulimit -n` or net.ipv4.ip_local_port_range"
        return Check(name, "invalid", float(errors), 0.0, reason)
    return Check(name, "valid", 0.0, 0.0, f"no {what}")


def _dropped(measured: Measured, *, late: bool) -> Check:
    cure = cure_for(measured.dropped_for, late=late)
    what = f"{measured.dropped} of {measured.due} arrivals found nobody to take them"
    share = _share(measured.dropped, measured.due)
    reasons = (what, f"{what} ({cure})", f"{what}: the target was spared ({cure})")
    return _graded("dropped", share, limits.DROPPED_SHARE, reasons)


def _accounts(measured: Measured) -> Check:
    without = measured.dropped_for.get(NO_ACCOUNT, 0)
    if not without:
        return Check("accounts", "valid", 0.0, limits.DROPPED_SHARE.degraded, "every arrival found a free account")
    what = f"{without} of {measured.due} arrivals found no free account"
    cure = (
        "give the target more accounts (`accounts:` in holdfast.yaml), or ask for less; one with a second factor "
        "rests for up to 30 s after each visit"
    )
    reasons = (what, f"{what}: {cure}", f"{what}, so the pool was measured, not the target: {cure}")
    return _graded("accounts", _share(without, measured.due), limits.DROPPED_SHARE, reasons)


def _rate_limited(measured: Measured, expected: Collection[str]) -> Check:
    """Of requests, as a visit may hide its 429 (it tries again, gives up, or expected it); or of visits, where that is
    more: one that was refused at its last request was not let through.
    """

    def of(counts: Mapping[str, int]) -> int:
        return sum(count for scenario, count in counts.items() if scenario not in expected)

    sent = of({name: sum(outcomes.values()) - outcomes.get(DROPPED, 0) for name, outcomes in measured.visits.items()})
    asked = of(measured.requests)
    refused, ended = of(measured.limited_requests), of(measured.limited_visits)
    share, what = max(
        (_share(refused, asked), f"{refused} of {asked} requests were rate-limited"),
        (_share(ended, sent), f"{ended} of {sent} visits ended rate-limited"),
        key=lambda found: found[0],
    )
    cure = (
        "all of them came from this one address: if the target limits each source, lift that for the test or send "
        "from more addresses"
    )
    reasons = (what, f"{what}: {cure}", f"{what}: a limiter was measured, not the target's capacity; {cure}")
    return _graded("rate_limited", share, limits.RATE_LIMITED_SHARE, reasons)


def _unfinished(measured: Measured) -> Check:
    what = f"{measured.unfinished} of {measured.sent} visits had not ended when the run did"
    bound = f"{what}: how long they took is known as a lower bound only (end the profile before the plan's last phase)"
    share = _share(measured.unfinished, measured.sent)
    return _graded("unfinished", share, limits.UNFINISHED_SHARE, (what, bound, bound))


def _idle_closed(measured: Measured) -> list[Check]:
    """Said where there were any."""
    if not measured.idle_closed:
        return []
    asked = sum(measured.requests.values())
    what = f"{measured.idle_closed} of {asked} requests went out as the target closed their idle connection"
    cure = "let visitors think for less, or for longer, than it keeps one"
    reasons = (f"{what}: counted neither good nor bad", f"{what}: {cure}", what)
    return [_graded("idle_closed", _share(measured.idle_closed, asked), limits.IDLE_CLOSED_SHARE, reasons)]


def _ceiling(measured: Measured, ceiling: Ceiling | None) -> Check:
    """Of one process's ceiling: the arrivals of several workers are striped, so each has its part of a second. It was
    measured by a process with a core to itself: more workers than cores can do no more than the cores.
    """
    name, limit = "ceiling", limits.CEILING_DEGRADED
    if ceiling is None or ceiling.visits is None or ceiling.requests is None:
        note = ceiling.note if ceiling is not None else ""
        return Check(
            name, "valid", None, limit, note or "not calibrated: `holdfast load --calibrate` finds the most it can"
        )
    workers = max(len(measured.gauges), 1)
    at_once = max(sum(machine.at_once for machine in measured.machines), 1)
    by_visits = measured.peak_arrivals / at_once / ceiling.visits
    by_requests = measured.peak_requests / at_once / ceiling.requests
    value, what, most = max(
        (by_visits, f"{measured.peak_arrivals:.0f} visits", f"{ceiling.visits:.0f}"),
        (by_requests, f"{measured.peak_requests:.0f} requests", f"{ceiling.requests:.0f}"),
    )
    by = f" by {workers} workers" if workers > 1 else ""
    each = "" if workers == 1 else " each" if at_once == workers else f" on each of {at_once} cores"
    reason = f"in the busiest second {what} were sent{by}; calibrated for {most} a second{each}"
    if value > limit:
        cure = "take more workers, or ask for less" if at_once == workers else "take more cores, or ask for less"
        return Check(name, "degraded", value, limit, f"{reason}: near our own limit ({cure})")
    return Check(name, "valid", value, limit, reason)


def _machine_cpu(measured: Measured) -> list[Check]:
    """Said where workers share cores: of four on two cores each shows half a core, and both cores are full."""
    found = []
    for machine in measured.machines:
        if len(machine.workers) > 1 and machine.cores is not None:
            share = (quantile(machine.cpu, 0.95) or 0.0) / machine.cores
            of = f"{machine.workers[0]} and {len(machine.workers) - 1} more workers beside it"
            what = f"{of}: share of their machine's {machine.cores} cores that they took together, p95"
            found.append(_measured("machine_cpu", share, limits.CPU, what, _LESS_LOAD))
    return sorted(found, key=lambda check: check.value or 0.0)[-1:]


def _workers(measured: Measured) -> list[Check]:
    """Said where there are several, or one is missing."""
    found = []
    if measured.lost:
        names = "; ".join(f"{worker}{f' ({why})' if why else ''}" for worker, why in sorted(measured.lost.items()))
        reason = f"lost before its time: {names}. Its part of the arrivals was not sent: see its log, and run again"
        found.append(Check("workers", "invalid", float(len(measured.lost)), 0.0, reason))
    elif len(measured.gauges) > 1:
        found.append(Check("workers", "valid", 0.0, 0.0, f"all {len(measured.gauges)} workers stayed to the end"))
    if measured.untold:
        names = ", ".join(sorted(measured.untold))
        reason = f"the last figures of {names} never came: what it measured is not all in here. Run again"
        found.append(Check("deltas", "invalid", float(len(measured.untold)), 0.0, reason))
    return found


def _clocks(measured: Measured) -> list[Check]:
    """Of workers, which take the run's clock from a distance: the one that knows it worst. Nothing without them."""
    errors = {w: max(g[CLOCK_ROUND_TRIP]) / 2 for w, g in measured.gauges.items() if g.get(CLOCK_ROUND_TRIP)}
    if not errors:
        return []
    worst = max(errors, key=lambda worker: errors[worker])
    offset, error = measured.gauges[worst][CLOCK_OFFSET][0], errors[worst]
    what = f"{worst}: took the run's clock to be {offset:+.3f} s from its own, give or take {error * 1000:.1f} ms"
    far = f"{what}; its arrivals may lie in a second or phase beside theirs: run its workers nearer to the run"
    return [_graded("clock", error, limits.CLOCK_ERROR, (what, far, far))]


def _reconciled(done: Mapping[str, float], recorded: int, lost: Collection[str]) -> Check:
    """`recorded`: visits in the record, dropped ones too. What was counted must be there, each once.

    A lost worker told no totals, and what it had measured by then is in the record too.
    """
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
    if recorded < planned or (recorded > planned and not lost):
        reason = f"{planned:.0f} arrivals were planned, and the record holds {recorded}: it is not the whole story"
        return Check(name, "invalid", abs(recorded - planned), 0.0, reason)
    return Check(
        name, "valid", 0.0, 0.0, "planned = started + dropped, started = finished + unfinished, and all are recorded"
    )


def _enough(sent: int) -> Check:
    p95, p99 = limits.SAMPLES_FOR_P95, limits.SAMPLES_FOR_P99
    if not sent:
        reason = "no visit was made: there is no data (does the profile's mix ask for anything in these phases?)"
        return Check("samples", "invalid", 0.0, float(p95), reason)
    if sent < p95:
        reason = f"{sent} visits were made: fewer than {p95} bound no p95 with 95 % confidence (run longer)"
        return Check("samples", "degraded", float(sent), float(p95), reason)
    if sent < p99:
        reason = f"{sent} visits were made: enough to bound a p95, not a p99 (that takes {p99})"
        return Check("samples", "valid", float(sent), float(p95), reason)
    return Check("samples", "valid", float(sent), float(p99), f"{sent} visits were made")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
