"""The search for the highest rate that is held: which rates it asks for, and what it makes of the answers."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.capacity.search import INCONCLUSIVE, INVALID, MET, MISSED, Probe, SearchQuestion, bracket, next_rate

QUESTION = SearchQuestion(start=10, most=80, growth=1.5, tolerance=0.1, most_probes=30)


def searched(question, verdict_of):
    """All probes of a search on a target that answers by `verdict_of(rate, nth probe)`."""
    probes = []
    while (rate := next_rate(question, probes)) is not None:
        probes.append(Probe(rate, verdict_of(rate, len(probes))))
    return probes


def told(question, *answers):
    """Probes of the rates that are asked for, with these answers."""
    probes = []
    for answer in answers:
        rate = next_rate(question, probes)
        assert rate is not None
        probes.append(Probe(rate, answer, reason="because"))
    return probes


def rates(probes):
    return [probe.rate for probe in probes]


def test_it_grows_to_the_first_miss_halves_the_bracket_and_confirms_both_ends():
    probes = searched(QUESTION, lambda rate, _: MET if rate <= 52 else MISSED)
    found = bracket(QUESTION, probes)

    assert rates(probes) == [10, 15, 22.5, 33.8, 50.7, 76.1, 62.1, 56.1, 53.3, 50.7, 53.3]
    assert (found.low, found.high) == (50.7, 53.3)
    assert found.confirmed_low
    assert found.confirmed_high
    assert found.reason == "50.7/s was held twice, 53.3/s was missed twice"


def test_it_goes_down_when_the_first_rate_is_missed():
    probes = searched(QUESTION, lambda rate, _: MET if rate <= 6 else MISSED)

    assert rates(probes)[:3] == [10, 6.67, 4.45]
    assert bracket(QUESTION, probes).low <= 6 < bracket(QUESTION, probes).high


def test_it_gives_up_far_below_the_start():
    probes = searched(QUESTION, lambda *_: MISSED)
    found = bracket(QUESTION, probes)

    assert min(rates(probes)) >= 1
    assert found.low is None
    assert found.reason.startswith("nothing was held: 1.32/s was missed twice")


def test_it_stops_at_the_most_that_was_asked_for():
    probes = searched(QUESTION, lambda *_: MET)
    found = bracket(QUESTION, probes)

    assert rates(probes)[-2:] == [80, 80]
    assert (found.low, found.high) == (80, None)
    assert found.reason == "80/s was held twice, the most that was asked for"


def test_a_third_probe_decides_where_two_disagree():
    # 15/s is held, 22.5/s is missed, the middle 18.4/s is held, and so on to 20.3/s; then 20.3/s is missed once.
    wide = SearchQuestion(start=10, most=80, growth=1.5, tolerance=0.6, most_probes=30)

    held = told(wide, MET, MET, MISSED, MISSED, MET)
    assert rates(held) == [10, 15, 22.5, 15, 15]
    assert bracket(wide, held).confirmed_low

    lost = told(wide, MET, MET, MISSED, MISSED, MISSED)
    assert next_rate(wide, lost) == 10
    assert bracket(wide, lost).high == 15


def test_an_upper_end_that_is_held_after_all_is_passed_by():
    wide = SearchQuestion(start=10, most=80, growth=1.5, tolerance=0.6, most_probes=30)

    probes = told(wide, MET, MET, MISSED, MET, MET, MET)

    assert rates(probes) == [10, 15, 22.5, 15, 22.5, 22.5]
    assert next_rate(wide, probes) == 33.8


def test_an_inconclusive_rate_is_held_once_more():
    probes = told(QUESTION, MET, INCONCLUSIVE)

    assert next_rate(QUESTION, probes) == 15
    assert next_rate(QUESTION, [*probes, Probe(15, MET)]) == 22.5


def test_inconclusive_twice_is_not_met():
    probes = told(QUESTION, MET, INCONCLUSIVE, INCONCLUSIVE)
    found = bracket(QUESTION, probes)

    assert (found.low, found.high) == (10, 15)
    assert "15/s could not be proven (because)" in found.reason


def test_a_first_rate_that_is_too_low_to_prove_anything_ends_the_search():
    question = SearchQuestion(start=10, most=80, confirm=False)
    probes = told(question, INCONCLUSIVE, INCONCLUSIVE)

    assert next_rate(question, probes) is None
    assert bracket(question, probes).reason.startswith("nothing was held: 10/s could not be proven")


def test_an_invalid_rate_is_held_once_more_and_then_ends_the_search():
    probes = told(QUESTION, MET, INVALID)
    assert next_rate(QUESTION, probes) == 15

    probes = told(QUESTION, MET, INVALID, INVALID)
    assert next_rate(QUESTION, probes) is None
    assert "ended at 15/s, which could not be measured: because" in bracket(QUESTION, probes).reason
    assert bracket(QUESTION, probes).high is None


def test_the_number_of_probes_is_bounded_and_the_reason_says_so():
    question = SearchQuestion(start=10, most=80, most_probes=6)
    probes = searched(question, lambda rate, _: MET if rate <= 40 else MISSED)

    assert len(probes) == 6
    assert "ended after 6 probes, before the bracket was within 10%" in bracket(question, probes).reason


def test_without_confirmation_nothing_is_held_twice():
    question = SearchQuestion(start=10, most=80, confirm=False, most_probes=30)
    probes = searched(question, lambda rate, _: MET if rate <= 40 else MISSED)

    assert len(set(rates(probes))) == len(probes)
    assert not bracket(question, probes).confirmed_low


def test_a_rate_met_above_one_that_was_missed_is_reported():
    probes = [Probe(10, MET), Probe(15, MISSED), Probe(20, MET), Probe(30, MISSED)]
    found = bracket(QUESTION, probes)

    assert found.non_monotone
    assert (found.low, found.high) == (10, 15)
    assert "noisy" in found.reason


def test_nothing_tried_is_no_bracket():
    found = bracket(QUESTION, [])

    assert (found.low, found.high, found.reason) == (None, None, "nothing was tried")


def test_rates_are_found_again_after_a_trip_through_json():
    probes = searched(QUESTION, lambda rate, _: MET if rate <= 52 else MISSED)
    read = [Probe(json.loads(json.dumps(probe.rate)), probe.verdict) for probe in probes]

    assert next_rate(QUESTION, read) is None
    assert bracket(QUESTION, read) == bracket(QUESTION, probes)


@settings(deadline=None)  # a busy machine is not a defect
@given(
    st.floats(0.5, 200),
    st.floats(1.1, 3),
    st.floats(0.01, 0.5),
)
def test_a_steady_target_is_always_bracketed_by_confirmed_ends(capacity, growth, tolerance):
    question = SearchQuestion(start=10, most=80, growth=growth, tolerance=tolerance, most_probes=200)

    found = bracket(question, searched(question, lambda rate, _: MET if rate <= capacity else MISSED))

    assert not found.non_monotone
    if found.low is not None:
        assert found.low <= capacity
        assert found.confirmed_low
    if found.high is not None:
        assert found.high > capacity
        assert found.confirmed_high
    if found.low is not None and found.high is not None:
        assert found.high <= found.low * (1 + tolerance) + 1e-9


@settings(deadline=None)  # a busy machine is not a defect
@given(st.lists(st.sampled_from([MET, MISSED, INCONCLUSIVE, INVALID]), min_size=40, max_size=40))
def test_whatever_is_answered_it_ends_within_its_probes(answers):
    question = SearchQuestion(start=10, most=80, most_probes=40)

    probes = searched(question, lambda _, nth: answers[nth])
    found = bracket(question, probes)

    assert len(probes) <= 40
    assert all(0 < probe.rate <= 80 for probe in probes)
    assert found.reason
    if found.low is not None and found.high is not None:
        assert found.low < found.high


@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_a_noisy_target_is_bracketed_near_its_capacity_most_of_the_time(noise):
    random = np.random.default_rng(3)
    near = 0
    for _ in range(200):

        def answer(rate, _nth):
            held = rate <= 40
            return MET if held != (random.random() < noise) else MISSED

        found = bracket(QUESTION, searched(QUESTION, answer))
        near += found.low is not None and 30 <= found.low <= 45

    assert near / 200 >= 1 - 4 * noise
