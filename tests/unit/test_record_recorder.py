"""Samples in, intervals out."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.record.recorder import EXEMPLARS_PER_SERIES, MOST_REQUEST_NAMES, MOST_SERIES, Recorder, fold, merge
from holdfast.record.sample import FAILED, OK, OUTCOMES, depth_of

samples = st.lists(
    st.tuples(
        st.sampled_from(["sign_in", "sign_in/enter", "billing"]),
        st.floats(1_000, 1_010),
        st.sampled_from(OUTCOMES),
        st.floats(0, 5),
        st.floats(0, 1),
    ),
    max_size=60,
)


@given(samples)
def test_every_sample_is_counted_once_in_the_second_it_was_due(
    drawn: list[tuple[str, float, str, float, float]],
) -> None:
    recorder = Recorder("load")
    for name, at, outcome, duration, lag in drawn:
        recorder.add(name, at, outcome, duration + lag, lag)
    intervals = fold("load", recorder.take()).intervals
    assert sum(i.count for i in intervals) == len(drawn)
    for second in range(1_000, 1_011):
        due = sum(int(at) == second for _, at, _, _, _ in drawn)
        assert sum(i.count for i in intervals if i.second == second) == due
    assert all(i.response.count == i.service.count == i.count for i in intervals)


@given(samples, st.integers(0, 60))
def test_folding_in_two_batches_adds_up_to_folding_in_one(
    drawn: list[tuple[str, float, str, float, float]], cut: int
) -> None:
    def folded(part: list[tuple[str, float, str, float, float]]) -> list:
        recorder = Recorder("load")
        for name, at, outcome, duration, lag in part:
            recorder.add(name, at, outcome, duration + lag, lag)
        return list(fold("load", recorder.take()).intervals)

    assert merge(folded(drawn[:cut]) + folded(drawn[cut:])) == merge(folded(drawn))


def test_response_runs_from_the_due_time_and_service_from_the_start() -> None:
    recorder = Recorder("load")
    recorder.add("sign_in", 10.2, OK, 0.5, lag=0.2)
    (interval,) = fold("load", recorder.take()).intervals
    assert interval.response.quantile(1) is not None
    assert abs((interval.response.quantile(1) or 0) - 0.5) < 0.002
    assert abs((interval.service.quantile(1) or 0) - 0.3) < 0.002
    assert interval.lag is not None
    assert abs((interval.lag.quantile(1) or 0) - 0.2) < 0.001


def test_failures_and_the_slowest_are_kept_as_exemplars_with_their_trace() -> None:
    recorder = Recorder("load")
    for index in range(50):
        recorder.add("sign_in", 10.0, OK, index / 100, trace_id=f"t{index}")
        recorder.add("sign_in", 10.0, FAILED, 0.1, detail="503", trace_id=f"f{index}")
    kept = fold("load", recorder.take()).exemplars
    assert "t49" in {sample.trace_id for sample in kept}
    assert len([sample for sample in kept if sample.outcome == FAILED]) <= EXEMPLARS_PER_SERIES + 1


def test_an_id_in_a_detail_cannot_grow_the_record_without_end() -> None:
    recorder = Recorder("load")
    for index in range(MOST_SERIES + 500):
        recorder.add("sign_in", 10.0, FAILED, 0.1, detail=f"id {index}")
    assert len(recorder.take()) <= MOST_SERIES + 1


def test_a_request_name_may_hold_slashes_and_stays_at_depth_three() -> None:
    assert [depth_of(n) for n in ("a", "a/b", "a/b/GET /v2/invoices")] == [1, 2, 3]


def test_an_id_in_the_name_of_a_request_makes_no_endless_series() -> None:
    recorder = Recorder("load")
    names = set()
    for second in range(4):
        for number in range(MOST_REQUEST_NAMES):
            recorder.add(f"bill/look/GET /invoices/{second * MOST_REQUEST_NAMES + number}", second, OK, 0.1)
        folded = fold("load", recorder.take()).intervals
        assert sum(i.count for i in folded) == MOST_REQUEST_NAMES
        names |= {i.name for i in folded}
    assert len(names) == MOST_REQUEST_NAMES + 1
    assert "bill/look/other" in names
