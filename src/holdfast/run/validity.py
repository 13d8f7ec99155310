"""Can what a run recorded be trusted? The generator's own checks, and those of everything else that measured."""

from collections import Counter
from typing import Final

from holdfast.load.health import check_health
from holdfast.load.scenario_error import SCENARIO_ERROR, SCENARIO_ERRORS
from holdfast.record.store import Event
from holdfast.run.machine.judged import machine_checks
from holdfast.run.recorded import Recorded
from holdfast.run.stack_watch import outside_deaths
from holdfast.run.summary import Validity, ValidityCheck, ValidityVerdict

REFERENCE_STACK: Final = "reference_stack"
NOT_WALKED: Final = "not_walked"
_HOLDS: Final = {
    "waited_for_code": "the walk before still waited for its next one-time code",
    "browser_broke": "the browser of the walk before had broken",
}
_WORSE: tuple[ValidityVerdict, ...] = ("valid", "degraded", "invalid")


def validity_of(recorded: Recorded) -> Validity:
    """Every check that applies to what the run asked for."""
    checks: list[ValidityCheck] = []
    if recorded.asked.load:
        checks += [
            ValidityCheck(c.name, c.verdict, c.value, c.limit, c.reason)
            for c in check_health(
                load=recorded.within(recorded.time_zero - 0.5, max(recorded.plan_end + 0.5, recorded.drained), "load"),
                gauges=[g for g in recorded.gauges if g.at <= recorded.plan_end],
                done=recorded.done("load"),
                events=recorded.events,
                ceiling=recorded.asked.ceiling,
                expected_limited=recorded.asked.attacks,
                closed=any(load.profile.get("virtual_users") for load in recorded.asked.load),
            )
        ]
    asked = recorded.asked
    timed = bool(asked.load or asked.objectives or asked.capacity)
    checks += machine_checks(recorded.gauges, recorded.events, timed=timed)
    checks += _scenarios(recorded)
    lost = [str(e.facts.get("child")) for e in recorded.events_of("child_lost")]
    if lost:
        reason = f"{', '.join(lost)} ended before its time: what it would have measured is missing"
        checks.append(ValidityCheck("children", "invalid", float(len(lost)), 0.0, reason))
    checks += _stack(recorded)
    if not recorded.events_of("sealed"):
        checks.append(
            ValidityCheck(
                "sealed",
                "invalid",
                None,
                None,
                "the run was not sealed: its runner was killed, or its record could not be written any more",
            )
        )
    if recorded.events_of("search_lost"):
        reason = "the generator of the capacity search ended before its time"
        checks.append(ValidityCheck("search", "invalid", None, None, reason))
    uncleaned = len(recorded.events_of("clean_up_failed"))
    if uncleaned:
        reason = f"{_counted(uncleaned, 'walk')} could not set their account back: the next may fail for our fault"
        checks.append(ValidityCheck("journey_clean_up", "degraded", float(uncleaned), 0.0, reason))
    checks += _accounts_of_journeys(recorded)
    checks += _held_up_journeys(recorded)
    failed = len(recorded.events_of("probe_error"))
    if failed:
        reason = f"our browser failed {_counted(failed, 'time')}: what it walked then was not measured"
        checks.append(ValidityCheck("browser", "degraded", float(failed), 0.0, reason))
    worst: ValidityVerdict = max((check.verdict for check in checks), key=_WORSE.index, default="valid")
    return Validity(worst, tuple(checks))


def _stack(recorded: Recorded) -> list[ValidityCheck]:
    """Our own stack stood in for the target: what failed when a part of it was killed from outside is no finding."""
    deaths = outside_deaths(recorded)
    if not deaths:
        return []
    first = deaths[0]
    when = f"{first.second:.0f} s after time 0" if first.second >= 0 else "before time 0"
    reason = f"{first.process} {first.how}, {when}, by no experiment of this run"
    if others := len(deaths) - 1:
        more = ", ".join(dict.fromkeys(death.process for death in deaths[1:]))
        reason += f"; then {_counted(others, 'more death')} ({more})"
    if memory := max(death.out_of_memory for death in deaths):
        killed = _counted(memory, "process", "processes")
        reason += f"; the kernel of this machine killed {killed} for want of memory meanwhile"
    return [ValidityCheck(REFERENCE_STACK, "invalid", float(len(deaths)), 0.0, reason)]


def _accounts_of_journeys(recorded: Recorded) -> list[ValidityCheck]:
    """A walk without an account says nothing of the target, and is no event of any objective: here it is told."""
    events = [
        e for e in recorded.events_of(NOT_WALKED) if e.facts.get("reason", "no_free_account") == "no_free_account"
    ]
    without = Counter(str(event.facts.get("journey")) for event in events)
    if not without:
        return []
    coded = {str(event.facts.get("journey")) for event in events if event.facts.get("needs_code")}
    walked = Counter[str]()
    for interval in recorded.intervals:
        if interval.source == "synthetics" and interval.name in without:
            walked[interval.name] += interval.count
    told = ", ".join(
        f"{name} ({count} of {count + walked[name]} walks{' that need a second factor' if name in coded else ''})"
        for name, count in sorted(without.items())
    )
    cure = "give the target more test accounts, or walk less often"
    if coded:
        cure += "; one with a second factor rests until the 30 s of its code are over"
    reason = f"no test account was free for {told}: they were not walked, which says nothing of the target ({cure})"
    total = sum(without.values())
    return [ValidityCheck("journey_accounts", "degraded", float(total), 0.0, reason)]


def _held_up_journeys(recorded: Recorded) -> list[ValidityCheck]:
    """Walks that did not begin because we held up the one before: told, and no event of any objective either."""
    held: dict[str, Counter[str]] = {}
    for event in recorded.events_of(NOT_WALKED):
        if (reason := str(event.facts.get("reason"))) in _HOLDS:
            held.setdefault(reason, Counter())[str(event.facts.get("journey"))] += 1
    told = [
        f"{_HOLDS[reason]}: {', '.join(f'{name} ({count})' for name, count in sorted(walks.items()))}"
        for reason, walks in sorted(held.items())
    ]
    if not told:
        return []
    reason = f"walks were left out, which says nothing of the target: {'; '.join(told)}"
    return [ValidityCheck("journeys_held_up", "degraded", float(sum(c.total() for c in held.values())), 0.0, reason)]


def _scenarios(recorded: Recorded) -> list[ValidityCheck]:
    """Each worker tells a place once, and at its end how many visits ended there; one that was lost told no number."""
    told = {_place_of(event): 1 for event in recorded.events_of(SCENARIO_ERROR)}
    if not told:
        return []
    counted = {_place_of(e): int(str(e.facts.get("count", 1))) for e in recorded.events_of(SCENARIO_ERRORS)}
    visits = sum((told | counted).values())
    most = "" if told.keys() <= counted.keys() else "at least "
    places = len({place[1:] for place in told})
    where = "in a scenario of ours" if places == 1 else f"at {places} places in scenarios of ours"
    text = recorded.events_of(SCENARIO_ERROR)[0].facts.get("text")
    reason = f"{most}{_counted(visits, 'visit')} spoilt by an error {where}, not by the target: {text}"
    return [ValidityCheck("scenarios", "invalid", float(visits), 0.0, reason)]


def _counted(count: int, noun: str, many: str = "") -> str:
    return f"{count} {noun if count == 1 else many or f'{noun}s'}"


def _place_of(event: Event) -> tuple[str, str, str]:
    facts = event.facts
    return str(facts.get("worker", "")), str(facts.get("scenario")), str(facts.get("where"))
