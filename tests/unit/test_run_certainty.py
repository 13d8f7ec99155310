"""A run whose plan asks for it ends when a miss is certain, and not a second before."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.run.asked import AskedObjective, AskedPhase, read_asked
from holdfast.run.certainty import CertaintyWatch
from holdfast.run.folder import RunFolder

RUNS = Path(__file__).resolve().parents[1] / "data" / "runs"

ZERO = 1_000_000
PLANNED = 10_000


@pytest.fixture
def asked():
    recorded = read_asked(RunFolder(RUNS / "fault_hurt"))
    objective = next(o.objective for o in recorded.objectives if o.objective.name == "sign-in-availability")
    phases = (AskedPhase("warm_up", 0, 10, judged=False), AskedPhase("baseline", 10, 110, judged=True))
    return replace(
        recorded,
        phases=phases,
        objectives=(AskedObjective(objective, 0.999, planned=PLANNED),),
        stop_when_certain=True,
    )


def second(at, bad, total=100):
    name = "sign_in/sign_in"
    return [
        Interval(ZERO + at, "load", name, outcome, "", count, Histogram(), Histogram(), Histogram(), 0.0)
        for outcome, count in (("ok", total - bad), ("failed", bad))
        if count
    ]


def looked(asked, bad_by_second):
    """The second after which it is certain, or None."""
    watch = CertaintyWatch(asked, float(ZERO))
    for at, bad in enumerate(bad_by_second):
        if watch.look(second(at, bad), ZERO + at) is not None:
            return at
    return None


def test_it_is_certain_with_as_many_failures_as_miss_all_that_is_planned(asked):
    bad = [0] * 10 + [1] * 100  # 16 of 10,000 miss 99.9 %: the 16th is due 15 s into the judged phase

    assert looked(asked, bad) == 25


def test_what_failed_outside_the_judged_phases_counts_for_nothing(asked):
    assert looked(asked, [100] * 10 + [0] * 100) is None


def test_failures_in_one_cluster_take_more_than_as_many_apart(asked):
    assert looked(asked, [0] * 30 + [16] + [0] * 79) is None
    assert looked(replace(asked, design_effect_floor=2.0), [0] * 10 + [1] * 100) > 25


def test_among_several_objectives_it_takes_more(asked):
    several = replace(asked, objectives=asked.objectives * 4)

    assert looked(several, [0] * 10 + [1] * 100) > 25


def test_it_is_asked_for_and_needs_a_planned_number(asked):
    bad = [0] * 10 + [50] * 100
    unknown = replace(asked, objectives=(replace(asked.objectives[0], planned=None),))

    assert looked(asked, bad) is not None
    assert looked(replace(asked, stop_when_certain=False), bad) is None
    assert looked(unknown, bad) is None


def test_a_second_that_changes_is_counted_once(asked):
    watch = CertaintyWatch(asked, float(ZERO))
    for _ in range(20):
        assert watch.look(second(20, 15), ZERO + 15) is None


def test_the_reason_names_what_decided(asked):
    watch = CertaintyWatch(asked, float(ZERO))
    reasons = [watch.look(second(at, 1), ZERO + at) for at in range(10, 110)]

    assert next(filter(None, reasons)) == (
        "sign-in-availability: 16 of 1,600 events were bad, and of the 10,000 planned at most, 16 miss 99.9 %: "
        "nothing that follows can change it"
    )
