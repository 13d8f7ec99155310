"""Alerts held against what happened: how many were worth it, how much they missed, how soon they came and went. Pure.

    precision   alerts that fired during an incident, of all alerts
    recall      incidents during which an alert fired, of all incidents
    detection   from an incident's start to the first alert that fires during it; 0 where one fired already
    reset       from an incident's end to the reset of the last such alert; below 0 where it gave up before

"During" is from the start to one evaluation after the end: what fails in the last step is known at the next evaluation.
Both shares are also weighed, by bad events: so one missed outage outweighs ten missed blips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Final

from holdfast.slo.alert import AlertPlan
from holdfast.slo.bounds import lower_bound, upper_bound
from holdfast.slo.history import History
from holdfast.slo.incidents import DEFAULT_RULE, Incident, IncidentRule, allowance, find_incidents, priced
from holdfast.slo.playback import Firing, Known, Sums, play, sums_of

ANY: Final = "any"
_SIDE: Final = 0.025  # two-sided 95 %
WEEK: Final = 7 * 86400


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`, with the exact binomial interval at 95 %; None of nothing. `weighed`: by bad events."""

    hits: int
    of: int
    weighed: float | None = None

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Clopper and Pearson's. It takes alerts for independent of each other, which those of one incident are not."""
        if not self.of:
            return None
        return lower_bound(self.hits, self.of, _SIDE), upper_bound(self.hits, self.of, _SIDE)


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing and what it was worth. `spent`: share of the period's budget that its windows held when it fired."""

    firing: Firing
    spent: float | None
    incidents: tuple[int, ...]  # places in the backtest's incidents

    @property
    def worth_it(self) -> bool:
        return bool(self.incidents)


@dataclass(frozen=True, slots=True)
class Detection:
    """Of one incident. Seconds; None where nobody was told, or the alert still fires.

    `spent`: share of the period's budget that was gone, since the incident's start, when it was seen.
    """

    incident: int
    detection: float | None = None
    reset: float | None = None
    spent: float | None = None
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """Of one plan's alerts of one name (`ANY`: of all)."""

    alert: str
    precision: Share
    recall: Share
    detections: tuple[Detection, ...]
    alerts_a_week: float

    @property
    def detection(self) -> float | None:
        """The median of the incidents that were seen, seconds."""
        return _median([d.detection for d in self.detections])

    @property
    def reset(self) -> float | None:
        return _median([d.reset for d in self.detections])

    @property
    def spent(self) -> float | None:
        """The median share of the period's budget that an incident had cost when it was seen."""
        return _median([d.spent for d in self.detections])


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What a plan would have done. `scores`: one for each alert, and `ANY` where there are several."""

    plan: AlertPlan
    fired: tuple[Fired, ...]
    scores: tuple[Score, ...]

    def score(self, alert: str) -> Score:
        """Raises KeyError for an alert that the plan has not."""
        for score in self.scores:
            if score.alert == alert:
                return score
        raise KeyError(alert)


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """`start`, `end`: the time that was judged, seconds since the epoch; `history` may begin before, to look back on.

    `measured`: how much of that time anybody looked, 0 to 1. `short_of`: seconds by which the history falls short of
    the longest window before `start`: so far its sums are of what there is.
    """

    history: History
    start: float
    end: float
    every: int
    period: int
    target: Decimal
    measured: float
    allowed: float  # bad events that a period may have
    incidents: tuple[Incident, ...]
    results: tuple[PlanResult, ...]
    short_of: float


def backtest(
    history: History,
    target: Decimal,
    period: int,
    plans: Sequence[AlertPlan],
    *,
    every: int,
    since: float | None = None,
    incidents: Sequence[Incident] | None = None,
    rule: IncidentRule = DEFAULT_RULE,
    known: Known | None = None,
) -> Backtest:
    """`since`: from when on is judged; what is before is only looked back on. `incidents`: as named; None: as found.

    Raises ValueError for windows that are no whole number of the history's steps, and for counts that cannot be.
    """
    sums = sums_of(history)
    start = float(history.start if since is None else max(since, history.start))
    judged = history.between(start, history.end)
    found = find_incidents(sums, target, period, rule) if incidents is None else priced(incidents, sums, target, period)
    found = tuple(incident for incident in found if incident.end > start)
    shared: Known = {} if known is None else known
    allowed = allowance(sums, target, period)
    results = tuple(_result(sums, plan, found, allowed, every, start, shared) for plan in plans)
    longest = max((plan.longest for plan in plans), default=0)
    return Backtest(
        history,
        start,
        float(history.end),
        every,
        period,
        target,
        float(judged.measured.mean()) if len(judged) else 0.0,
        allowed,
        found,
        results,
        max(longest - (start - history.start), 0.0),
    )


def _result(
    sums: Sums,
    plan: AlertPlan,
    incidents: tuple[Incident, ...],
    allowed: float,
    every: int,
    start: float,
    known: Known,
) -> PlanResult:
    firings = [firing for alert in plan.alerts for firing in play(sums, alert, every=every, known=known).firings]
    all_fired = [
        Fired(
            firing,
            sums.bad_between(firing.fired_at - firing.long, firing.fired_at) / allowed if allowed else None,
            _during(firing, incidents, every, sums.history.end),
        )
        for firing in sorted(firings, key=lambda firing: (firing.fired_at, firing.alert))
    ]
    # one that fired before is judged only where it told of an incident that is
    fired = tuple(one for one in all_fired if one.firing.fired_at > start or one.worth_it)
    names = [alert.name for alert in plan.alerts]
    weeks = (sums.history.end - start) / WEEK
    scores = [
        _score(name, [one for one in fired if one.firing.alert == name], sums, incidents, allowed, weeks)
        for name in names
    ]
    if len(names) > 1:
        scores.append(_score(ANY, fired, sums, incidents, allowed, weeks))
    return PlanResult(plan, fired, tuple(scores))


def _during(firing: Firing, incidents: tuple[Incident, ...], every: int, end: float) -> tuple[int, ...]:
    reset = end + every if firing.reset_at is None else firing.reset_at
    return tuple(
        index
        for index, incident in enumerate(incidents)
        if firing.fired_at <= incident.end + every and reset > incident.start
    )


def _score(
    name: str,
    fired: Sequence[Fired],
    sums: Sums,
    incidents: tuple[Incident, ...],
    allowed: float,
    weeks: float,
) -> Score:
    detections = tuple(_detection(index, incident, fired, sums, allowed) for index, incident in enumerate(incidents))
    seen = [incidents[d.incident].bad for d in detections if d.detection is not None]
    worth = [_held(one, sums) for one in fired if one.worth_it]
    return Score(
        name,
        Share(len(worth), len(fired), _ratio(sum(worth), sum(_held(one, sums) for one in fired))),
        Share(len(seen), len(incidents), _ratio(sum(seen), sum(incident.bad for incident in incidents))),
        detections,
        len(fired) / weeks if weeks else 0.0,
    )


def _held(one: Fired, sums: Sums) -> float:
    """Bad events that an alert was about: from the begin of the window that fired it until it reset."""
    end = sums.history.end if one.firing.reset_at is None else one.firing.reset_at
    return sums.bad_between(one.firing.fired_at - one.firing.long, end)


def _detection(index: int, incident: Incident, fired: Sequence[Fired], sums: Sums, allowed: float) -> Detection:
    during = [one.firing for one in fired if index in one.incidents]
    if not during:
        return Detection(index)
    first = min(firing.fired_at for firing in during)
    last = None if any(firing.reset_at is None for firing in during) else max(f.reset_at or 0 for f in during)
    return Detection(
        index,
        max(first - incident.start, 0.0),
        None if last is None else last - incident.end,
        sums.bad_between(incident.start, first) / allowed if allowed and first > incident.start else 0.0,
        len(during),
    )


def joined_scores(scores: Sequence[Score], weeks: Sequence[float]) -> Score:
    """Of several objectives, as one: shares of all their alerts and incidents; alerts a week of all together."""
    return Score(
        scores[0].alert,
        _joined([score.precision for score in scores]),
        _joined([score.recall for score in scores]),
        tuple(detection for score in scores for detection in score.detections),
        sum(score.alerts_a_week * w for score, w in zip(scores, weeks, strict=True)) / max(weeks)
        if max(weeks)
        else 0.0,
    )


def _joined(shares: Sequence[Share]) -> Share:
    """Weights of different objectives are not of one kind, so what is joined has none."""
    if len(shares) == 1:
        return shares[0]
    return Share(sum(share.hits for share in shares), sum(share.of for share in shares))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None
