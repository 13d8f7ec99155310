"""promtool's unit tests of an objective's rules: each alert fires when it must, and only then.

    healthy        no event fails                                   nothing fires
    outage         every event fails                                every alert of the burn rate does
    slow burn      a share that only a ticket is for                the ticket fires, and nobody is woken
    recovery       an outage that has ended                         everything has reset
    no data        no series at all                                 IndicatorAbsent
    low traffic    fewer failures than min-failures, and no success nothing fires

Which alerts a course must fire is told by a model apart from PromQL (`rule_course`). A step is two
fifths of the shortest window, and a course ends when it has been decided, so that windows of days cost little.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from holdfast.slo.objective import Composite, Method, NoData, Objective
from holdfast.slo.promql import range_text
from holdfast.slo.rule_course import Course, fires, values_text
from holdfast.slo.rule_records import RATIO, burn_factor, series
from holdfast.slo.rule_stimulus import Stimulus, stimulus_of
from holdfast.slo.rule_text import yaml_lines
from holdfast.slo.rules import CONDITION_ALERT, ObjectiveRules, Written

_FEW: Final = 6
"""Steps of an outage: each window has seen some."""
_EVENTS: Final = 1000
_MOST_STEPS: Final = 20_000
_INDIRECT: Final = "# The query is no plain selector: what is recorded of it is fed, not its metrics.\n"


@dataclass(frozen=True, slots=True)
class RuleTests:
    """`text`: the file. `untested`: what it could not test of the objective, and why."""

    text: str
    cases: int
    untested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moment:
    """What fires after `at` steps of a course. `course` None: there is no data, and `step` is its step."""

    name: str
    course: Course | None
    at: int
    step: int


def rule_tests(rules: ObjectiveRules, rule_files: Sequence[str]) -> RuleTests | None:
    """The unit tests of rules that stand in `rule_files` (as named from the tests). None: the metrics cannot be fed."""
    stimulus = stimulus_of(rules.objective, _recorded_windows(rules))
    if stimulus is None or (rules.compatible is not None and not stimulus.direct):
        return None
    step = _step(rules, stimulus)
    cases: list[dict[str, Any]] = []
    untested: list[str] = []
    for name, moments in _moments(rules, stimulus, step):
        for moment in moments:
            states = [_state(rules, each, moment) for each in rules.written]
            if None not in states:
                fired = [each for each, state in zip(rules.written, states, strict=True) if state]
                cases.append(_case(rules, stimulus, moment, fired))
                break
        else:
            untested.append(f"{name}: no moment at which every alert is sure")
    document = {
        "rule_files": list(rule_files),
        "evaluation_interval": range_text(step),
        "group_eval_order": [group.name for group in rules.groups],
        "tests": cases,
    }
    return RuleTests(
        ("" if stimulus.direct else _INDIRECT) + "".join(yaml_lines(document)), len(cases), tuple(untested)
    )


def _moments(rules: ObjectiveRules, stimulus: Stimulus, step: int) -> Iterator[tuple[str, Iterable[_Moment]]]:
    events, waited = _events(rules), max((each.rule.after for each in rules.written), default=0)
    wait = -(-waited // step) + 1
    recovered = _FEW + (max(window.short for window in rules.windows.rows) + stimulus.unit) // step + 2
    least = rules.traffic.min_failures

    def course(name: str, runs: Sequence[tuple[int, int, int]]) -> Course:
        bad = tuple(b for steps, b, _ in runs for _ in range(steps))
        total = tuple(t for steps, _, t in runs for _ in range(steps))
        return Course(name, step, bad, total)

    healthy = course("healthy", [(_FEW + wait, 0, events)])
    yield "healthy", [_Moment("healthy", healthy, _FEW + wait, step)]
    start = _FEW + stimulus.unit // step
    outage = course("outage", [(start + wait, events, events)])
    yield "outage", [_Moment("outage", outage, start + wait, step)]
    yield "slow burn", _slow_moments(rules, stimulus, step, events, wait)
    back = course("recovery", [(_FEW, events, events), (recovered, 0, events)])
    yield "recovery", [_Moment("recovery", back, len(back.bad), step)]
    if any(each.alert is None for each in rules.written):
        yield "no data", [_Moment("no data", None, wait, step)]
    if least > 1 and stimulus.unit == 0 and any(_guarded(each) for each in rules.written):
        few = course("low traffic", [(least // 2, 1, 1), (1, 0, 0)])
        yield "low traffic", [_Moment("low traffic", few, len(few.bad), step)]


def _slow_moments(rules: ObjectiveRules, stimulus: Stimulus, step: int, events: int, wait: int) -> Iterator[_Moment]:
    """At the widest share of failures between what tickets and what pages are for."""
    weight = _weight(rules)
    thresholds: dict[str, Fraction] = {}
    for each in rules.written:
        if each.alert is not None and each.rule.alert != CONDITION_ALERT:
            lowest = min(row.limits[0].threshold for row in each.alert.rows) / weight
            thresholds[each.alert.name] = lowest
    ticket, page = thresholds.get("ticket"), thresholds.get("page", Fraction(1))
    if ticket is None or ticket >= page:
        return
    share = (ticket + page) / 2
    if stimulus.unit == 0:
        bad = round(share * events)
        steps = _FEW + wait
        yield _Moment("slow burn", Course("slow burn", step, (bad,) * steps, (events,) * steps), steps, step)
        return
    unit = stimulus.unit // step
    cycle = round(1 / share)
    pattern = (0,) * (unit * (cycle - 1)) + (events,) * unit
    for cycles in (4, 8, 16, 32, 64):
        bad_steps = pattern * cycles
        if len(bad_steps) > _MOST_STEPS:
            return
        course = Course("slow burn", step, bad_steps, (events,) * len(bad_steps))
        yield _Moment("slow burn", course, len(bad_steps), step)


def _case(rules: ObjectiveRules, stimulus: Stimulus, moment: _Moment, fired: Sequence[Written]) -> dict[str, Any]:
    fed = [] if moment.course is None else stimulus.feed(moment.course)
    at = range_text(moment.at * moment.step)
    names = dict.fromkeys(each.rule.alert for each in rules.written)
    case: dict[str, Any] = {
        "name": f"{rules.objective.name}: {moment.name}",
        "interval": range_text(moment.step),
    }
    if fed:
        case["input_series"] = [{"series": one.series, "values": values_text(one.values)} for one in fed]
    case["alert_rule_test"] = [
        {
            "eval_time": at,
            "alertname": name,
            "exp_alerts": [_expected(rules, each) for each in fired if each.rule.alert == name],
        }
        for name in names
    ]
    if moment.name in ("healthy", "outage") and isinstance(rules.objective, Objective) and not rules.compatible:
        window = rules.windows.seconds[0]
        labels = ", ".join(f'{key}="{value}"' for key, value in rules.inherited.items())
        name = series(RATIO, rules.objective, window).partition("{")[0]
        case["promql_expr_test"] = [
            {
                "expr": series(RATIO, rules.objective, window),
                "eval_time": at,
                "exp_samples": [{"labels": f"{name}{{{labels}}}", "value": 0 if moment.name == "healthy" else 1}],
            }
        ]
    return case


def _expected(rules: ObjectiveRules, each: Written) -> dict[str, Any]:
    """All labels that it has: the rule's own, and those of the series that it looks at."""
    inherited = {} if each.alert is None else rules.inherited
    return {
        "exp_labels": {**inherited, **each.rule.labels},
        "exp_annotations": dict(each.rule.annotations),
    }


def _state(rules: ObjectiveRules, each: Written, moment: _Moment) -> bool | None:
    if moment.course is None:
        return each.alert is None or (None if _fills_gaps(rules.objective) else False)
    if each.alert is None:
        return False
    return fires(each.alert, moment.course, moment.at, _weight(rules))


def _fills_gaps(objective: Objective | Composite) -> bool:
    """Whether time without data counts as bad."""
    return (
        objective.method is not Method.OCCURRENCES
        and objective.slices is not None
        and objective.slices.no_data is NoData.BAD
    )


def _guarded(each: Written) -> bool:
    return each.alert is not None and any(limit.least_bad for row in each.alert.rows for limit in row.limits)


def _weight(rules: ObjectiveRules) -> Fraction:
    if isinstance(rules.objective, Objective):
        return Fraction(1)
    return sum((burn_factor(part) for part in rules.objective.parts), Fraction(0))


def _events(rules: ObjectiveRules) -> int:
    """A step: enough for shares of a small budget to be whole numbers, and for the least number of failures."""
    events = _EVENTS * max(1, rules.traffic.min_failures)
    for each in rules.written:
        for row in each.alert.rows if each.alert is not None else ():
            for limit in row.limits:
                while limit.threshold * events < _EVENTS and events < 10**12:
                    events *= 10
    return events


def _step(rules: ObjectiveRules, stimulus: Stimulus) -> int:
    """Two fifths of the shortest window, or less: so that it holds two steps, and a slice whole ones."""
    shortest = rules.windows.seconds[0]
    slices = rules.objective.slices
    if slices is not None and rules.objective.method is not Method.OCCURRENCES:
        shortest = min(shortest, slices.seconds)
    unit = stimulus.unit or shortest
    for parts in (5, 4, 6, 3, 2):
        step, rest = divmod(min(2 * shortest, 5 * unit), parts)
        if rest == 0 and step and unit % step == 0 and 2 * step <= shortest:
            return step
    return max(1, shortest // 5)


def _recorded_windows(rules: ObjectiveRules) -> tuple[int, ...]:
    asked = {window for each in rules.written if each.alert is not None for window in each.alert.windows}
    return tuple(sorted({*rules.windows.seconds, *asked}))
