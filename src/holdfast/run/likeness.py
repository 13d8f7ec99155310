"""Whether known and unknown accounts can be told apart, from what a run recorded of steps named for it.

A scenario with the steps `sign_in_known` and `sign_in_unknown` is asking exactly that; see `account_enumeration`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from holdfast.record.histogram import Histogram, bucket_middle
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, EXCUSED, OK, UNFINISHED
from holdfast.run.load_summary import Likeness
from holdfast.run.quantiles import quantiles
from holdfast.slo.indistinguishable import Answers, Comparison, compare_answers

ANSWERS_DIFFER: Final = "answers_differ"  # the detail by which a scenario says that the answers themselves differ
_KNOWN: Final = "_known"


def likenesses(scenarios: Mapping[str, Sequence[str]], intervals: Sequence[Interval]) -> Iterator[Likeness]:
    """One for each pair of steps that was reached, in the order they are written."""
    none = {DROPPED, UNFINISHED, *EXCUSED}
    for scenario, steps in scenarios.items():
        own = [i for i in intervals if i.name.split("/", 1)[0] == scenario and i.outcome not in none]
        differ = sum(i.count for i in own if i.name == scenario and i.detail == ANSWERS_DIFFER)
        for known in (step for step in steps if step.endswith(_KNOWN)):
            unknown = f"{known.removesuffix(_KNOWN)}_unknown"
            if unknown in steps and own:
                yield _likeness(scenario, known, unknown, own, differ)


def _likeness(scenario: str, known: str, unknown: str, intervals: Sequence[Interval], differ: int) -> Likeness:
    first, second = ([i for i in intervals if i.name == f"{scenario}/{step}"] for step in (known, unknown))
    found = compare_answers(_answers(first), _answers(second))
    if differ:
        reason = f"the answers themselves differed in {differ} visits"
        found = Comparison("no", found.slower, found.interval, reason)
    return Likeness(
        scenario=scenario,
        known=known,
        unknown=unknown,
        indistinguishable=found.indistinguishable,
        known_count=sum(i.count for i in first),
        unknown_count=sum(i.count for i in second),
        known_response=quantiles(i.response for i in first),
        unknown_response=quantiles(i.response for i in second),
        slower=found.slower,
        interval=found.interval,
        reason=found.reason,
    )


def _answers(intervals: Sequence[Interval]) -> Answers:
    durations = Histogram.sum(i.response for i in intervals if i.outcome == OK)
    return Answers(
        {bucket_middle(index): count for index, count in durations.counts.items()},
        sum(i.count for i in intervals if i.outcome != OK),
    )
