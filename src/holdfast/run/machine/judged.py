"""The checks `machine` and `other_runs`: what was recorded of the machine in, verdicts out."""

from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.load import limits
from holdfast.load.measured import quantile
from holdfast.record.store import Event, Gauge
from holdfast.run.machine.neighbours import NEIGHBOUR
from holdfast.run.machine.watch import LOOKED, OTHERS, SOURCE, TAKEN, WAITING
from holdfast.run.summary import ValidityCheck
from holdfast.slo.budget import percent

MACHINE: Final = "machine"
_WHAT: Final = "share of the processor time that others took while something had to wait, p90"
_QUANTILE: Final = 0.90


def machine_checks(gauges: Iterable[Gauge], events: Sequence[Event], *, timed: bool) -> list[ValidityCheck]:
    """None of a run that did not watch its machine: an older one, or one that was over at once.

    `timed`: times or rates are judged. That a few journeys came through is true on any machine, so there, and on one
    that is known to be shared, a busy machine degrades at most.
    """
    return [*_machine(gauges, events, timed=timed), *_other_runs(events)]


def _machine(gauges: Iterable[Gauge], events: Sequence[Event], *, timed: bool) -> list[ValidityCheck]:
    seen: dict[str, list[float]] = {}
    for gauge in gauges:
        if gauge.source == SOURCE:
            seen.setdefault(gauge.name, []).append(gauge.value)
    told = next((event.facts for event in reversed(events) if event.kind == LOOKED), None)
    value, limit = quantile(seen.get(TAKEN, ()), _QUANTILE), limits.MACHINE
    if value is None:
        if told is None or not told.get("reason"):
            return []
        return [ValidityCheck(MACHINE, "valid", None, limit.degraded, f"{_WHAT}: not measured: {told['reason']}")]
    others, waiting = (sum(seen[name]) / len(seen[name]) for name in (OTHERS, WAITING))
    what = (
        f"{_WHAT}; on average {percent(others, 0)} went to neither holdfast nor the target"
        f"{_named(told)}, and {percent(waiting, 0)} of the time something waited"
    )
    cure = "let the machine rest while it measures, or take one of its own"
    if value > limit.invalid and timed and not (told or {}).get("shared"):
        reason = f"{what}: what was measured is largely the machine's ({cure})"
        return [ValidityCheck(MACHINE, "invalid", value, limit.invalid, reason)]
    if value > limit.degraded:
        return [ValidityCheck(MACHINE, "degraded", value, limit.degraded, f"{what}: it shows in every time ({cure})")]
    return [ValidityCheck(MACHINE, "valid", value, limit.degraded, what)]


def _named(told: object) -> str:
    names = told.get("names") if isinstance(told, dict) else None
    if not isinstance(names, dict) or not names:
        return ""
    return f" ({', '.join(f'{name} {percent(float(share), 0)}' for name, share in names.items())})"


def _other_runs(events: Sequence[Event]) -> list[ValidityCheck]:
    """Said of runs that were on at the same time. One that aims at the same target is a load nobody asked for."""
    met = {str(event.facts.get("run")): event for event in events if event.kind == NEIGHBOUR}
    if not met:
        return []
    same = [run for run, event in met.items() if event.facts.get("same_target")]
    if same:
        reason = f"{', '.join(same)} aimed at the same target meanwhile: its load and faults are in what was measured"
        return [ValidityCheck("other_runs", "degraded", float(len(same)), 0.0, reason)]
    reason = f"{', '.join(met)} ran on this machine meanwhile; what it took of the processors is in the check machine"
    return [ValidityCheck("other_runs", "valid", float(len(met)), None, reason)]
