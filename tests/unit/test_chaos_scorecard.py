import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.chaos.scorecard import FaultEffect, score_fault

START = 1_000
INJECTED = 1_030.0
REVERTED = 1_050.0
END = 1_090.0


def scored(bad_by_second: dict[int, int], per_second: int = 10, **changed: object) -> FaultEffect:
    seconds = np.arange(START, int(END))
    total = np.full(len(seconds), per_second)
    bad = np.array([bad_by_second.get(int(second), 0) for second in seconds])
    given_values: dict[str, object] = {
        "injected_at": INJECTED,
        "reverted_at": REVERTED,
        "end": END,
        "target": 0.99,
        "baseline_seconds": 30.0,
        "detect_burn_rate": 14.4,
    }
    return score_fault(seconds, total - bad, total, **(given_values | changed))  # type: ignore[arg-type]


def outage(first: int, last: int, bad: int = 10) -> dict[int, int]:
    return dict.fromkeys(range(first, last), bad)


def test_a_fault_that_nobody_felt_was_resisted() -> None:
    effect = scored({})

    assert effect.time_to_impact is None
    assert effect.time_to_detect is None
    assert effect.time_to_recover is None
    assert effect.bad_events == 0
    assert effect.resilience_loss == 0
    assert effect.reason.startswith("resisted")


def test_impact_and_recovery_are_told_from_the_injection() -> None:
    effect = scored(outage(1_033, 1_041))

    assert effect.time_to_impact == 3
    assert effect.time_to_recover == 11
    assert not effect.censored
    assert effect.bad_events == 80
    assert effect.expected_bad == 0


def test_two_bad_seconds_are_no_impact_but_their_bad_events_are_counted() -> None:
    effect = scored(outage(1_033, 1_035))

    assert effect.time_to_impact is None
    assert effect.bad_events == 20


def test_an_effect_that_outlasts_the_record_is_censored() -> None:
    effect = scored(outage(1_031, 1_090))

    assert effect.censored
    assert effect.time_to_recover == END - INJECTED
    assert "not over" in effect.reason


def test_two_good_seconds_at_the_end_are_no_recovery_yet() -> None:
    assert scored(outage(1_031, 1_088)).censored
    assert not scored(outage(1_031, 1_087)).censored


def test_a_relapse_within_ten_seconds_is_the_same_impact() -> None:
    effect = scored(outage(1_032, 1_036) | outage(1_042, 1_046))

    assert effect.time_to_recover == 16


def test_a_relapse_much_later_is_not() -> None:
    effect = scored(outage(1_032, 1_036) | outage(1_060, 1_064))

    assert effect.time_to_recover == 6
    assert effect.bad_events == 40


def test_bad_events_are_counted_to_the_revert_even_when_the_effect_was_over_before() -> None:
    effect = scored(outage(1_032, 1_036) | {1_049: 2})

    assert effect.bad_events == 42


def test_detection_is_when_both_windows_burn_faster_than_the_rule() -> None:
    # 14.4 x 1 % of the 300 events of 30 s is 43.2: the fifth second of a total outage brings 50.
    effect = scored(outage(1_030, 1_050))

    assert effect.time_to_detect == 5


def test_a_short_dip_is_not_detected() -> None:
    assert scored(outage(1_030, 1_034)).time_to_detect is None


def test_a_rule_that_fired_before_the_injection_detected_something_else() -> None:
    assert scored(outage(1_010, 1_050)).time_to_detect is None


def test_a_burn_rate_that_no_outage_can_reach_detects_nothing() -> None:
    assert scored(outage(1_030, 1_050), target=0.9).time_to_detect is None


def test_a_baseline_worse_than_the_target_lowers_the_tolerance() -> None:
    noise = {second: 2 for second in range(START, int(END)) if second % 2}
    effect = scored(noise)

    assert effect.time_to_impact is None
    assert effect.expected_bad == pytest.approx(20)
    assert effect.bad_events == 20


def test_resilience_loss_is_the_share_of_good_events_lost() -> None:
    # Half of all for 10 of the 20 seconds that the fault was in.
    assert scored(outage(1_030, 1_040, bad=5)).resilience_loss == pytest.approx(0.25)


def test_without_a_baseline_there_is_no_loss_to_tell() -> None:
    effect = scored(outage(1_030, 1_040), baseline_seconds=0)

    assert effect.resilience_loss is None
    assert effect.time_to_impact == 0


def test_without_events_after_the_injection_nothing_is_known() -> None:
    effect = scored({}, injected_at=END + 5, end=END + 20)

    assert effect.reason == "nothing was measured after the injection"


def test_seconds_without_events_do_not_break_a_row() -> None:
    seconds = [1_000, 1_010, 1_031, 1_034, 1_038, 1_045, 1_047, 1_051]
    good = [5, 5, 0, 0, 0, 5, 5, 5]
    effect = score_fault(
        seconds, good, [5] * 8,
        injected_at=INJECTED, reverted_at=None, end=END, target=0.99, baseline_seconds=30, detect_burn_rate=14.4,
    )  # fmt: skip

    assert effect.time_to_impact == 1
    assert effect.time_to_recover == 15


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        score_fault(
            [1, 2], [1], [1, 1],
            injected_at=1, reverted_at=None, end=2, target=0.9, baseline_seconds=1, detect_burn_rate=1,
        )  # fmt: skip


@given(st.dictionaries(st.integers(START, int(END) - 1), st.integers(0, 10)), st.booleans())
def test_the_times_are_in_order_and_within_the_record(bad: dict[int, int], was_reverted: bool) -> None:
    effect = scored(bad, reverted_at=REVERTED if was_reverted else None)

    assert effect.bad_events <= sum(bad.values())
    if effect.time_to_impact is None:
        assert effect.time_to_recover is None
        assert not effect.censored
    else:
        assert 0 <= effect.time_to_impact < effect.time_to_recover <= END - INJECTED
    assert effect.resilience_loss is None or 0 <= effect.resilience_loss <= 1
