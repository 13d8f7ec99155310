"""What counts as an incident, and how alerts are scored against it: by hand."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.histories import history, of

from holdfast.slo.alert import plan_of, workbook_methods
from holdfast.slo.backtest import ANY, Share, backtest
from holdfast.slo.burn import DAY, HOUR, WORKBOOK
from holdfast.slo.incidents import Incident, IncidentRule, allowance, find_incidents, priced
from holdfast.slo.playback import sums_of

TARGET, PERIOD = Decimal("0.999"), 28 * DAY
PLAN = plan_of(WORKBOOK, TARGET, PERIOD)


def spans(incidents):
    return [(incident.start, incident.end) for incident in incidents]


def test_an_outage_is_an_incident_from_its_first_bad_step_to_its_last():
    """A period holds 40,320 bad events at 1,000 a minute: 10 minutes at 100 % cost 24.8 %."""
    sums = sums_of(history((100, 0), (10, 1), (40_210, 0)))
    (incident,) = find_incidents(sums, TARGET, PERIOD)
    assert spans([incident]) == [(6000, 6600)]
    assert incident.bad == 10_000
    assert incident.spent == pytest.approx(10_000 / 40_320)
    assert allowance(sums, TARGET, PERIOD) == pytest.approx(40_320)


def test_what_costs_less_than_two_percent_of_the_budget_is_none_unless_asked():
    sums = sums_of(history((100, 0), (1, 0.8), (40_219, 0)))
    assert find_incidents(sums, TARGET, PERIOD) == ()
    assert spans(find_incidents(sums, TARGET, PERIOD, IncidentRule(budget=Decimal("0.01")))) == [(6000, 6060)]


def test_one_failure_is_no_incident_however_little_traffic_there_is():
    sums = sums_of(of([1, 0, 0, 0], [1, 1, 1, 1]))
    assert find_incidents(sums, Decimal("0.9"), HOUR) == ()


def test_a_short_calm_joins_and_a_long_one_parts():
    for calm, expected in ((30, [(600, 600 + 40 * 60)]), (61, [(600, 900), (600 + 66 * 60, 900 + 66 * 60)])):
        sums = sums_of(history((10, 0), (5, 1), (calm, 0), (5, 1), (40_000, 0)))
        assert spans(find_incidents(sums, TARGET, PERIOD)) == expected


def test_failures_within_the_budget_neither_begin_nor_join_incidents():
    """Half of what is allowed fails all the time; the outage in it is as long as it was."""
    quiet = [2, 0, 0, 0] * 250
    bad = [*quiet, *[500] * 10, *quiet]
    sums = sums_of(of(bad, [1000] * len(bad)))
    (incident,) = find_incidents(sums, TARGET, DAY)
    assert (incident.start, incident.end) == (60_000, 60_600 + 60)  # with the failures of the step after


def test_a_slow_leak_is_one_incident():
    sums = sums_of(history((1000, 0), (2000, 0.003), (37_000, 0)))
    assert spans(find_incidents(sums, TARGET, PERIOD)) == [(60_000, 180_000)]


def test_named_incidents_are_priced_by_the_history_and_left_out_beyond_it():
    sums = sums_of(history((100, 0), (10, 1), (40_210, 0)))
    named = [Incident(6300, 9000, "late"), Incident(-500, 0, "before")]
    (found,) = priced(named, sums, TARGET, PERIOD)
    assert (found.name, found.bad) == ("late", 5000)


def test_a_total_outage_is_seen_by_page_and_ticket_and_forgotten_in_their_time():
    """10 minutes at 100 %. Page: above 13.44 · 0.1 % of an hour after 49 s, so at the first evaluation; its slow row
    after 121 s. Ticket, both rows: above 2.8 · 0.1 % of a day and 14 / 15 · 0.1 % of 3 days, 242 s.
    """
    result = backtest(history((6000, 0), (10, 1), (34_310, 0)), TARGET, PERIOD, [PLAN], every=60)
    (plan,) = result.results
    page, ticket, both = plan.scores
    assert [score.alert for score in plan.scores] == ["page", "ticket", ANY]
    assert (page.detection, ticket.detection, both.detection) == (60, 300, 60)
    assert page.precision == Share(1, 1, 1.0)
    assert page.recall == Share(1, 1, 1.0)
    assert page.spent == pytest.approx(1000 / 40_320)
    assert [fired.firing.row for fired in plan.fired] == ["1h/5m", "1d/2h, 3d/6h"]
    assert [fired.spent for fired in plan.fired] == pytest.approx([1000 / 40_320, 5000 / 40_320])
    assert 0 < page.reset <= 30 * 60
    assert both.alerts_a_week == pytest.approx(2 / 4, rel=0.01)


def test_an_alert_without_an_incident_costs_precision_and_a_missed_incident_recall():
    """A blip of 0.5 % of the budget fires the first method; a leak of 3 times what is allowed pages nobody."""
    leaky = history((6000, 0), (2, 0.1), (6000, 0), (600, 0.003), (27_718, 0))
    result = backtest(leaky, TARGET, PERIOD, [workbook_methods(TARGET, PERIOD)[0], PLAN], every=60)
    assert len(result.incidents) == 1
    first, default = result.results
    assert first.score("page").precision == Share(1, 2, pytest.approx(1800 / 2000))
    assert first.score("page").recall == Share(1, 1, 1.0)
    assert default.score("page").recall == Share(0, 1, 0.0)
    assert default.score("page").detection is None
    assert default.score("page").precision.value is None
    assert default.score("page").precision.interval is None


def test_an_alert_that_gave_up_before_the_incident_ended_has_a_reset_below_zero():
    flagged = [Incident(60_000, 90_000, "users")]
    result = backtest(history((1000, 0), (10, 1), (3000, 0)), TARGET, PERIOD, [PLAN], every=60, incidents=flagged)
    (detection,) = result.results[0].score("page").detections
    assert detection.reset < 0
    assert detection.alerts == 1


def test_a_history_shorter_than_the_longest_window_says_by_how_much():
    whole = history((2 * 1440, 0))
    assert backtest(whole, TARGET, PERIOD, [PLAN], every=60).short_of == 3 * DAY
    assert backtest(whole, TARGET, PERIOD, [PLAN], every=60, since=DAY).short_of == 2 * DAY
    assert backtest(history((5 * 1440, 0)), TARGET, PERIOD, [PLAN], every=60, since=3 * DAY).short_of == 0


def test_what_lies_before_the_judged_time_is_only_looked_back_on():
    outage = history((1440, 0), (30, 1), (3 * 1440, 0))
    early = backtest(outage, TARGET, PERIOD, [PLAN], every=60, since=DAY + 600)
    assert [fired.firing.alert for fired in early.results[0].fired] == ["page", "ticket"]
    assert len(early.incidents) == 1
    late = backtest(outage, TARGET, PERIOD, [PLAN], every=60, since=DAY + 3 * HOUR)  # while the ticket goes on
    assert late.incidents == ()
    assert late.results[0].fired == ()


def test_few_alerts_prove_little():
    """Exact intervals at 95 %, two-sided: 3 of 3 is at least 29 %; 0 of 4 at most 60 %."""
    assert Share(3, 3).interval == pytest.approx((0.2924, 1.0), abs=1e-4)
    assert Share(0, 4).interval == pytest.approx((0.0, 0.6024), abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=60))
@example([(5, 0), *[(0, 5)] * 20, (5, 0), *[(0, 5)] * 20])  # two of them
def test_incidents_never_overlap_and_hold_all_their_bad_events(counts):
    bad, total = [b for b, _ in counts], [b + g for b, g in counts]
    sums = sums_of(of(bad, total))
    found = find_incidents(sums, Decimal("0.9"), HOUR, IncidentRule(calm=180))
    assert all(earlier.end <= later.start for earlier, later in pairwise(found))
    for incident in found:
        inside = slice(int(incident.start) // 60, int(incident.end) // 60)
        assert sum(bad[inside]) == incident.bad
        assert incident.bad > 0.1 * sum(total[inside])
        assert bad[inside.start] > 0
        assert bad[inside.stop - 1] > 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60), st.data())
def test_shares_are_shares(counts, data):
    bad, total = [b for b, _ in counts], [b + g for b, g in counts]
    tried = plan_of(WORKBOOK, Decimal("0.9"), 7 * DAY)
    result = backtest(of(bad, total), Decimal("0.9"), 7 * DAY, [tried], every=60)
    for score in result.results[0].scores:
        for share in (score.precision, score.recall):
            assert share.value is None or 0 <= share.value <= 1
            assert share.weighed is None or -1e-9 <= share.weighed <= 1 + 1e-9
