"""A timeline in, rows for pictures out: one a second, and in long runs as many as a screen can show side by side."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.record.sample import OUTCOMES
from holdfast.report.figures import duration, words
from holdfast.run.summary import Timeline, TimelineLatency

Row = dict[str, str | float | bool | None]

MOST_POINTS: Final = 1200


def seconds_per_point(timeline: Timeline) -> int:
    """1, but in runs longer than a picture is wide."""
    return math.ceil(len(timeline.seconds) / MOST_POINTS) or 1


def outcomes_shown(timeline: Timeline) -> list[str]:
    """Those of visits and journeys, in the order of the record; what it does not know comes last."""
    seen = {*timeline.outcomes, *(journey.outcome for journey in timeline.journeys)}
    return [*(o for o in OUTCOMES if o in seen), *sorted(seen - set(OUTCOMES))]


def outcome_field(index: int) -> str:
    """Outcomes are fields by number: a name may hold what Vega reads as a path."""
    return f"o{index}"


def second_rows(timeline: Timeline) -> list[Row]:
    """`s` and `until`, visits due per second in all and by outcome, quantiles as seconds and as said to people."""
    step = seconds_per_point(timeline)
    outcomes = outcomes_shown(timeline)
    rows = [_second(timeline, outcomes, first, step) for first in range(0, len(timeline.seconds), step)]
    if not rows:
        return []
    end = rows[-1]["until"]  # a step lasts until the next one begins: without a row at the end the last has no width
    return [*rows, rows[-1] | {"s": end, "middle": end, "p50": None, "p95": None, "p99": None}]


def latency_rows(latency: TimelineLatency, timeline: Timeline) -> list[Row]:
    """Quantiles of what an objective counts, in the middle of each point's seconds."""
    step = seconds_per_point(timeline)
    return [
        {
            "middle": timeline.seconds[i] + step / 2,
            **{name: _slowest(getattr(latency, name)[i : i + step]) for name in ("p50", "p95", "p99")},
        }
        for i in range(0, len(timeline.seconds), step)
    ]


def budget_rows(timeline: Timeline) -> list[Row]:
    """Budget left by objective, at the end of each point's seconds."""
    step = seconds_per_point(timeline)
    return [
        {"s": timeline.seconds[i], "objective": name, "left": round(left[min(i + step, len(left)) - 1], 5)}
        for name, left in timeline.budget_left.items()
        for i in range(0, len(left), step)
    ]


def journey_rows(timeline: Timeline) -> list[Row]:
    """`drawn_end`: within the picture, also of a walk that ended after the last phase."""
    end = length(timeline)
    return [
        {
            "name": j.name, "at": j.at, "end": round(j.at + j.duration, 3), "drawn_end": min(j.at + j.duration, end),
            "outcome": words(j.outcome),
            "duration": j.duration, "took": duration(j.duration),
        }
        for j in timeline.journeys
    ]  # fmt: skip


def gauge_rows(points: Sequence[tuple[float, float]]) -> list[Row]:
    """Only where the value changes: a gauge is drawn as steps, and a short dip must not be thinned away."""
    kept = [p for i, p in enumerate(points) if i in {0, len(points) - 1} or p[1] != points[i - 1][1]]
    return [{"s": second, "value": value} for second, value in kept]


def phase_rows(timeline: Timeline) -> list[Row]:
    """`room`: seconds that a name has beside the next one's; `room_of_two`: where the next stands on another line."""
    starts = [p.start for p in timeline.phases] + [length(timeline)] * 2
    return [
        {
            **_stretch(p.name, p.start, p.end), "row": i % 2, "judged": p.judged, "note": _judged(p.judged),
            "room": starts[i + 1] - p.start, "room_of_two": starts[i + 2] - p.start,
        }
        for i, p in enumerate(timeline.phases)
    ]  # fmt: skip


def fault_rows(timeline: Timeline, first: float, lane: float, lanes: int) -> list[Row]:
    """A fault not seen to end lasts as long as the picture. `label`, `top`, `bottom`: pixels from above, in a lane of
    `lane` pixels, the first at `first`. `side`: from which of its ends its name runs over the greater part.
    """
    whole = length(timeline)
    rows: list[Row] = []
    for place, fault in enumerate(timeline.faults):
        end = whole if fault.end is None else fault.end
        early = fault.start + end <= whole
        bottom = first + lane * (place % lanes + 1)
        rows.append(
            {
                **_stretch(fault.name, fault.start, end), "side": "left" if early else "right",
                "room": whole - fault.start if early else end, "label": bottom - 10, "top": bottom - 9,
                "bottom": bottom - 1, "note": "" if fault.end is not None else "not seen to end",
            }
        )  # fmt: skip
    return rows


def length(timeline: Timeline) -> float:
    """Seconds from time 0 to the end of the last phase or second."""
    return max([p.end for p in timeline.phases] + [s + 1.0 for s in timeline.seconds[-1:]], default=1.0)


def _second(timeline: Timeline, outcomes: Sequence[str], first: int, step: int) -> Row:
    """One point. Where it stands for several seconds: visits on average, each quantile of its slowest second."""
    here = slice(first, first + step)
    start = timeline.seconds[first]
    seconds = len(timeline.rate[here])
    row: Row = {
        "s": start, "middle": start + seconds / 2, "until": start + seconds, "rate": sum(timeline.rate[here]) / seconds,
    }  # fmt: skip
    ended = timeline.ended or timeline.outcomes  # an older summary has them by when they were due
    row["span"] = str(start) if seconds == 1 else f"{start} to {start + seconds}"
    for i, outcome in enumerate(outcomes):
        row[outcome_field(i)] = sum(ended.get(outcome, ())[here]) / seconds
    for name, lane in (("p50", timeline.p50), ("p95", timeline.p95), ("p99", timeline.p99)):
        slowest = _slowest(lane[here])
        row[name] = slowest if slowest is None else round(slowest, 5)
        row[f"{name}_said"] = duration(slowest)
    return row


def _stretch(name: str, start: float, end: float) -> Row:
    return {"name": name, "start": start, "end": end, "said": f"{start:.0f} s to {end:.0f} s"}


def _judged(judged: bool) -> str:
    return "judged" if judged else "not judged"


def _slowest(values: Iterable[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)
