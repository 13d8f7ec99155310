"""Can what a run recorded be trusted? The generator's own checks, and those of everything else that measured."""

from holdfast.load.health import check_health
from holdfast.run.recorded import Recorded
from holdfast.run.summary import Validity, ValidityCheck, ValidityVerdict

_WORSE: tuple[ValidityVerdict, ...] = ("valid", "degraded", "invalid")


def validity_of(recorded: Recorded) -> Validity:
    """Every check that applies to what the run asked for."""
    checks: list[ValidityCheck] = []
    if recorded.asked.load:
        checks += [
            ValidityCheck(c.name, c.verdict, c.value, c.limit, c.reason)
            for c in check_health(
                load=recorded.within(recorded.time_zero - 0.5, recorded.plan_end + 0.5, "load"),
                gauges=[g for g in recorded.gauges if g.at <= recorded.plan_end],
                done=recorded.done("load"),
                events=recorded.events,
                ceiling=recorded.asked.ceiling,
                expected_limited=recorded.asked.attacks,
                closed=any(load.profile.get("virtual_users") for load in recorded.asked.load),
            )
        ]
    errors = recorded.events_of("scenario_error")
    if errors:
        text = errors[0].facts.get("text") or errors[0].facts.get("message") or errors[0].facts.get("reason")
        reason = f"{len(errors)} visits ended by an error in a scenario of ours, not by the target: {text}"
        checks.append(ValidityCheck("scenarios", "invalid", float(len(errors)), 0.0, reason))
    lost = [str(e.facts.get("child")) for e in recorded.events_of("child_lost")]
    if lost:
        reason = f"{', '.join(lost)} ended before its time: what it would have measured is missing"
        checks.append(ValidityCheck("children", "invalid", float(len(lost)), 0.0, reason))
    if not recorded.events_of("sealed"):
        checks.append(
            ValidityCheck("sealed", "invalid", None, None, "the runner was killed: the run was not finished or sealed")
        )
    if recorded.events_of("search_lost"):
        reason = "the generator of the capacity search ended before its time"
        checks.append(ValidityCheck("search", "invalid", None, None, reason))
    uncleaned = len(recorded.events_of("clean_up_failed"))
    if uncleaned:
        reason = f"{uncleaned} journeys could not set their account back: its next walk may fail for our fault"
        checks.append(ValidityCheck("journey_clean_up", "degraded", float(uncleaned), 0.0, reason))
    failed = len(recorded.events_of("probe_error"))
    if failed:
        reason = f"our browser failed {failed} times: those walks were not measured"
        checks.append(ValidityCheck("browser", "degraded", float(failed), 0.0, reason))
    worst: ValidityVerdict = max((check.verdict for check in checks), key=_WORSE.index, default="valid")
    return Validity(worst, tuple(checks))
