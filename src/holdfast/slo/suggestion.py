"""Windows for paging, chosen from history: a bounded family is played back, and the choice tested on what is new to it.

The windows are chosen for all objectives of a command together. Windows for each service are windows that nobody
compares any more, and one service has too few incidents to choose by.

    family   a fast row (30 m, 1 h or 2 h; 1, 2 or 5 % of the budget) and a slow one (3 h, 6 h or 12 h; 2, 5 or 10 %),
             short windows of a twelfth; the workbook's own pair is one of them. Of periods below a week all windows
             shrink in proportion.
    choice   on the first half of the history: the highest merit, twice the incidents seen over incidents and alerts
             together (1 where each incident is told by one alert and nothing else is); then the soonest detection
    test     on the second half: it is proposed only where it does no worse there than the workbook's
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Final

from holdfast.slo.alert import AlertPlan, plan_of
from holdfast.slo.backtest import WEEK, Score, backtest, joined_scores
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows
from holdfast.slo.history import History
from holdfast.slo.incidents import DEFAULT_RULE, Incident, IncidentRule, find_incidents, priced
from holdfast.slo.playback import sums_of
from holdfast.slo.promql import range_text

FEWEST_INCIDENTS: Final = 3
_FAST: Final = tuple(product((30 * MINUTE, HOUR, 2 * HOUR), (Decimal("0.01"), Decimal("0.02"), Decimal("0.05"))))
_SLOW: Final = tuple(product((3 * HOUR, 6 * HOUR, 12 * HOUR), (Decimal("0.02"), Decimal("0.05"), Decimal("0.10"))))
_SHORT: Final = 12
_SHRINKS: Final = 7 * DAY
_MONTH: Final = 28 * DAY


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One objective's history. `incidents`: as named; None: as found. `period`: its window, seconds."""

    name: str
    history: History
    target: Decimal
    period: int
    incidents: tuple[Incident, ...] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Paging rows and what they would have done in each half. `alike`: how many others would have done as well."""

    windows: BurnWindows
    first: Score
    second: Score
    alike: int = 0

    @property
    def name(self) -> str:
        return self.windows.name


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`candidates`: those that nothing beats in merit, recall and detection on the first half, and the
    workbook's; best first.

    `chosen`: by the first half. `proposed`: that, or the workbook's where the second half does not bear it out.
    """

    candidates: tuple[Candidate, ...]
    chosen: Candidate
    workbook: Candidate
    tried: int
    incidents: tuple[int, int]  # in each half

    @property
    def holds(self) -> bool:
        return merit(self.chosen.second) >= merit(self.workbook.second)

    @property
    def proposed(self) -> Candidate:
        return self.chosen if self.holds else self.workbook


def suggest(
    cases: Sequence[Case], *, every: int, rule: IncidentRule = DEFAULT_RULE, min_failures: int = 0
) -> Suggestion | str:
    """A choice, or why there is none. All cases have one period. Raises ValueError as `backtest` does."""
    if len({case.period for case in cases}) != 1:
        return "the objectives have windows of several lengths: choose those of one length by --only"
    step = max(case.history.step for case in cases)
    period = cases[0].period
    tried = family(period, step)
    if not tried:
        return f"no windows of the family are whole numbers of steps of {step} s: choose a finer --step"
    halves = [_halves(case, rule) for case in cases]
    counts = (sum(len(half.first) for half in halves), sum(len(half.second) for half in halves))
    if min(counts) < FEWEST_INCIDENTS:
        return (
            f"incidents: {counts[0]} in the first half of the history, {counts[1]} in the second; to choose windows by "
            f"one half and test them on the other takes {FEWEST_INCIDENTS} in each"
        )
    scores: list[list[tuple[Score, Score]]] = []
    weeks: list[tuple[float, float]] = []
    for case, half in zip(cases, halves, strict=True):
        plans = [plan_of(windows, case.target, period, min_failures=min_failures) for windows in tried]
        scores.append(_played(case, half, plans, every, rule))
        weeks.append((half.seconds(case)[0] / WEEK, half.seconds(case)[1] / WEEK))
    candidates = [
        Candidate(
            windows,
            joined_scores([one[place][0] for one in scores], [w[0] for w in weeks]),
            joined_scores([one[place][1] for one in scores], [w[1] for w in weeks]),
        )
        for place, windows in enumerate(tried)
    ]
    workbook = candidates[0]
    chosen = max(candidates, key=_preference)  # the first of equals, so the workbook's before all others
    front = [one for one in candidates if not any(_beats(other.first, one.first) for other in candidates)]
    shown: dict[_Merits, Candidate] = {}
    for one in (workbook, chosen, *front):  # of those that did the same the one that was tried first
        if _merits(one) not in shown:
            alike = sum(_merits(other) == _merits(one) for other in candidates) - 1
            shown[_merits(one)] = replace(one, alike=alike)
    ordered = sorted(shown.values(), key=lambda one: (-merit(one.first), one.name))
    return Suggestion(
        tuple(ordered),
        shown[_merits(chosen)],
        shown[_merits(workbook)],
        len(tried),
        counts,
    )


def family(period: int, step: int) -> tuple[BurnWindows, ...]:
    """The workbook's pair first. Windows that are no whole number of steps are left out."""
    scale = Fraction(1) if period >= _SHRINKS else Fraction(period, _MONTH)
    found = []
    for (fast, fast_budget), (slow, slow_budget) in product(_FAST, _SLOW):
        if fast_budget > slow_budget:
            continue
        rows = []
        for long, budget in ((fast, fast_budget), (slow, slow_budget)):
            scaled = long * scale
            if scaled % (_SHORT * step):
                break
            rows.append(BurnRow("page", int(scaled), int(scaled / _SHORT), budget))
        else:
            found.append(BurnWindows(" + ".join(_said(row) for row in rows), "suggested from history", tuple(rows)))
    own = [
        windows for windows in found if [row.budget for row in windows.rows] == [r.budget for r in WORKBOOK.of("page")]
    ]
    first = [
        windows for windows in own if windows.rows[0].long == HOUR * scale and windows.rows[1].long == 6 * HOUR * scale
    ]
    return (*first, *(windows for windows in found if windows not in first)) if first else ()


def merit(score: Score) -> float:
    """2 · seen / (incidents + alerts): Dice's coefficient. Repeated alerts of one incident lower it, as they should."""
    both = score.recall.of + score.precision.of
    return 2 * score.recall.hits / both if both else 0.0


@dataclass(frozen=True, slots=True)
class _Halves:
    middle: float
    first: tuple[Incident, ...]
    second: tuple[Incident, ...]

    def seconds(self, case: Case) -> tuple[float, float]:
        return self.middle - case.history.start, case.history.end - self.middle


def _halves(case: Case, rule: IncidentRule) -> _Halves:
    """Cut in the middle, or after the incident that is on then."""
    sums = sums_of(case.history)
    incidents = (
        find_incidents(sums, case.target, case.period, rule)
        if case.incidents is None
        else priced(case.incidents, sums, case.target, case.period)
    )
    middle = (case.history.start + case.history.end) / 2
    for incident in incidents:
        if incident.start < middle < incident.end:
            middle = min(incident.end, float(case.history.end))
    return _Halves(
        middle,
        tuple(one for one in incidents if one.start < middle),
        tuple(one for one in incidents if one.start >= middle),
    )


def _played(
    case: Case, half: _Halves, plans: Sequence[AlertPlan], every: int, rule: IncidentRule
) -> list[tuple[Score, Score]]:
    early = case.history.between(case.history.start, half.middle)
    first = backtest(early, case.target, case.period, plans, every=every, incidents=half.first, rule=rule)
    second = backtest(
        case.history,
        case.target,
        case.period,
        plans,
        every=every,
        since=half.middle,
        incidents=half.second,
        rule=rule,
    )
    return [(one.score("page"), other.score("page")) for one, other in zip(first.results, second.results, strict=True)]


_Merits = tuple[tuple[float, ...], tuple[float, ...]]


def _preference(one: Candidate) -> tuple[float, float]:
    return (merit(one.first), -_late(one.first))


def _merits(one: Candidate) -> _Merits:
    """What is compared, of each half: the higher the better."""
    return _of(one.first), _of(one.second)


def _of(score: Score) -> tuple[float, ...]:
    return (merit(score), score.recall.value or 0.0, -_late(score))


def _beats(one: Score, other: Score) -> bool:
    ours, theirs = _of(one), _of(other)
    return ours != theirs and all(a >= b for a, b in zip(ours, theirs, strict=True))


def _late(score: Score) -> float:
    return float("inf") if score.detection is None else score.detection


def _said(row: BurnRow) -> str:
    return f"{range_text(row.long)} {float(100 * row.budget):g} %"
