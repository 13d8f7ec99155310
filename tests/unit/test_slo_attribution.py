"""Where a budget went: the parts add up to the whole, exactly."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_slo_standing import NOON, counts, history, of_counts

from holdfast.slo.attribution import OUTSIDE, by_part, by_span, together
from holdfast.slo.tally import tally
from holdfast.slo.window import Span

TARGET = Decimal("0.99")
stretches = st.lists(
    st.tuples(st.sampled_from(["baseline", "fault", "deploy"]), st.floats(-4000, 0), st.floats(0, 4000)), max_size=6
)


@given(counts, stretches)
def test_what_each_stretch_spent_and_the_remainder_make_the_whole(pairs, found):
    seen = of_counts(pairs)
    spans = [(name, Span(NOON + start, NOON + start + seconds)) for name, start, seconds in found]
    whole = tally(seen).balance(Span(seen.start, seen.end), TARGET)

    costs = by_span(seen, spans, TARGET)

    assert together(costs, TARGET) == whole
    assert costs[-1].name == OUTSIDE
    if whole.total:
        assert sum(cost.spent for cost in costs) == whole.spent


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.integers(0, 4))
def test_it_does_so_for_measured_fractions_too(shares, cut):
    seen = history([1.0] * 4, [1.0 - share for share in shares])
    edge = seen.start + 60 * cut

    costs = by_span(seen, [("before", Span(seen.start, edge))], TARGET)

    assert together(costs, TARGET).bad == sum((Fraction(float(bad)) for bad in seen.bad), Fraction(0))


def test_overlapping_stretches_count_a_step_once_for_the_first_that_holds_it():
    seen = history([10.0] * 4, [1.0] * 4)
    spans = [("fault", Span(NOON - 180, NOON - 60)), ("phase", Span(NOON - 240, NOON))]

    costs = {cost.name: cost.balance.bad for cost in by_span(seen, spans, TARGET)}

    assert costs == {"fault": 2, "phase": 2, OUTSIDE: 0}


def test_parts_of_the_traffic_spend_shares_of_one_budget():
    first, second = history([10.0], [1.0]), history([30.0], [1.0])

    costs = by_part({"sign_in": first, "billing": second}, TARGET)

    assert [cost.spent for cost in costs] == [Fraction(5, 2), Fraction(5, 2)]
    assert [cost.balance.spent for cost in costs] == [10, Fraction(10, 3)]
