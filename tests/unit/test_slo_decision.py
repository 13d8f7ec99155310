"""What a policy makes of evidence: tables of decisions, and what must hold of all of them."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.decision import decide
from holdfast.slo.evidence import Course, at_least
from holdfast.slo.history import History
from holdfast.slo.measured import Measured
from holdfast.slo.moment import moment
from holdfast.slo.policy import Policy
from holdfast.slo.policy_terms import Answer, ErrorBudgetPolicy
from holdfast.slo.window import Calendar, Window, rolling
from holdfast.workspace.document import Document

HOUR = 3600
DAY = 24 * HOUR
NOW = int(moment("2026-11-25"))
WINDOW = rolling("10d")
STEPS = 2 * 240  # hours in two windows: the earlier one fills the windows of the later one's steps
EACH = 100  # events an hour: 24,000 a window, and 240 of them may be bad
TARGET = Decimal("0.99")


def terms(**changes):
    tiers = changes.pop("tiers", None) or [
        tier("careful", "review", {"remaining_at_most": 0.5}, {"remaining_at_least": 0.6}, exempt=["reliability"]),
        tier(
            "frozen", "freeze", {"exhausted": True}, {"remaining_at_least": 0.2, "held_for": "6h"}, exempt=["security"]
        ),
    ]
    return {
        "kind": "ErrorBudgetPolicy",
        "name": "account",
        "description": "For a test.",
        "decider": "head",
        "escalation": [{"to": "on call", "after": "0s", "by": "page"}],
        "runbook": "runbook.md",
        "tiers": tiers,
        "insufficient_data": {"decision": "block", "stale_after": "2h"},
    } | changes


def tier(name, decision, entry, leave, exempt=()):
    text = {"name": name, "decision": decision, "entry": entry, "exit": leave, "consequence": "Work."}
    return text | {"exempt": list(exempt)}


def policy(**changes):
    written = terms(**changes)
    return Policy(ErrorBudgetPolicy.model_validate(written), Document(Path("slo/policy.yaml"), written, {}))


def history(bad=None, total=EACH, measured=None):
    """`bad`: bad events by hours before now; the rest of two windows is good."""
    counts = np.full(STEPS, float(total))
    good = counts.copy()
    for hour, number in (bad or {}).items():
        good[STEPS - hour] -= number
    seen = np.ones(STEPS, bool) if measured is None else measured
    counts[~seen] = good[~seen] = 0
    return History(NOW - STEPS * HOUR, HOUR, good, counts, seen)


def asked(bad=None, *, at=NOW, name="sign-in", window=WINDOW, **how):
    return Measured(name, TARGET, window, history(bad, **how))


def decided(bad=None, *, change=None, default=None, at=NOW, how=None, **changes):
    return decide(policy(**changes), [asked(bad, **(how or {}))], at, change=change, default=default)


SPENT = {5: 100, 6: 100, 7: 40}
"""All that the window may have, a few hours ago."""


@pytest.mark.parametrize(
    ("case", "bad", "answer", "tier_name"),
    [
        ("nothing failed", {}, "allow", None),
        ("one event less than half is gone", {5: 100, 6: 19}, "allow", None),
        ("half is gone, exactly", {5: 100, 6: 20}, "review", "careful"),
        ("one event is left", {5: 100, 6: 100, 7: 39}, "review", "careful"),
        ("nothing is left, exactly", SPENT, "freeze", "frozen"),
        ("more than all is gone", {5: 100, 6: 100, 7: 100}, "freeze", "frozen"),
        ("what was spent has left the window", {248: 100, 249: 100, 250: 40}, "allow", None),
    ],
)
def test_the_answer_follows_what_is_left_to_the_last_event(case, bad, answer, tier_name):
    found = decided(bad)

    assert (found.answer, found.tier, found.conclusive) == (answer, tier_name, True), case


def test_between_exit_and_entry_the_tier_stays_as_it_was():
    # Half is gone, and then a little of it leaves the window again: 45 % spent is neither entry nor exit.
    inside = decided({238: 0, 241: 12, 5: 100, 6: 8})
    assert inside.answer == "review"
    assert inside.findings[0].evidence.remaining == Fraction(132, 240)
    # The same evidence, had it never been worse.
    outside = decided({5: 100, 6: 8})
    assert outside.findings[0].evidence.remaining == Fraction(132, 240)
    assert outside.answer == "allow"


def test_a_tier_is_left_when_what_is_left_has_held_for_as_long_as_it_must():
    # 240 bad events; all but 192 have left the window since n hours: a fifth of the budget is left again.
    bad = {240 + 5: 48, 100: 100, 101: 92}
    assert decided(bad).answer == "freeze"
    bad = {240 + 6: 48, 100: 100, 101: 92}
    assert decided(bad).answer == "freeze"
    bad = {240 + 7: 48, 100: 100, 101: 92}
    found = decided(bad)
    assert found.answer == "review"  # the milder tier needs 60 %


def test_what_lifts_a_freeze_is_said_with_its_earliest_moment():
    found = decided(SPENT)

    (sentence,) = found.lifts
    assert "at least 20 % of its budget is left for 6 h" in sentence
    # 48 of 240 must leave: 40 of 7 hours ago are too few, so those of 6 hours ago too, ten days after; and 6 h more.
    assert "not before 2026-12-05 01:00 UTC" in sentence


def test_a_burn_rate_enters_and_leaves_after_it_was_calm_for_long_enough():
    burning = [tier("fast", "freeze", {"burning": [{"at_least": 5, "over": "4h"}]}, {"held_for": "3h"})]

    assert decided({3: 20}, tiers=burning).answer == "freeze"  # 20 of 400 is 5 times 1 %
    assert decided({3: 19}, tiers=burning).answer == "allow"
    # Out of the stretch for 3 hours and more: entered at the end of hour 8, burning till 5, calm from 4 on.
    assert decided({7: 20}, tiers=burning).answer == "freeze"
    assert decided({8: 20}, tiers=burning).answer == "allow"


INCIDENT = [
    tier("postmortem", "review", {"incident_above": 0.2}, {"actions": ["postmortem"]}),
]


def test_one_incident_above_a_share_enters_and_the_same_spread_over_days_does_not():
    assert decided({50: 25, 51: 24}, tiers=INCIDENT).answer == "review"  # 49 of 240
    assert decided({50: 24, 51: 24}, tiers=INCIDENT).answer == "allow"  # 48 of 240 is not more than a fifth
    assert decided({50: 25, 100: 25, 150: 25}, tiers=INCIDENT).answer == "allow"


def test_a_pause_shorter_than_the_policy_says_does_not_part_an_incident():
    assert decided({50: 25, 53: 25}, tiers=INCIDENT).answer == "allow"
    found = decided({50: 25, 53: 25}, tiers=INCIDENT, incident_pause="3h")
    assert found.answer == "review"
    assert found.findings[0].evidence.incident.bad == 50


@pytest.mark.parametrize(
    ("on", "answer"),
    [
        ("2026-11-22", "review"),  # the day before the incident
        ("2026-11-23", "allow"),  # its day
        ("2026-11-24T23:00:00Z", "allow"),
        ("2026-11-25T00:00:01Z", "review"),  # not yet
    ],
)
def test_an_incident_is_answered_by_what_was_done_about_it_and_not_by_what_came_before(on, answer):
    done = [{"action": "postmortem", "by": "me", "on": on}]

    found = decided({40: 60}, tiers=INCIDENT, acknowledged=done)  # from 2026-11-23 08:00 to 09:00

    assert found.answer == answer
    assert [sentence for sentence in found.lifts if "postmortem" in sentence] == (
        ["sign-in: acknowledged, since the tier was entered: postmortem"] if answer == "review" else []
    )


def test_a_tier_with_an_action_is_not_left_without_it():
    tiers = [
        tier("frozen", "freeze", {"exhausted": True}, {"remaining_at_least": 0.2, "actions": ["mended"]}),
    ]
    recovered = {260: 100, 261: 100, 262: 40}

    assert decided(recovered, tiers=tiers).answer == "freeze"
    done = [{"action": "mended", "by": "me", "on": "2026-11-20"}]
    assert decided(recovered, tiers=tiers, acknowledged=done).answer == "allow"
    early = [{"action": "mended", "by": "me", "on": "2026-11-01"}]
    assert decided(recovered, tiers=tiers, acknowledged=early).answer == "freeze"


@pytest.mark.parametrize(
    ("change", "answer", "tier_name"),
    [
        (None, "freeze", "frozen"),
        ("feature", "freeze", "frozen"),
        ("security", "review", "careful"),  # the milder tier does not exempt it
        ("reliability", "freeze", "frozen"),
    ],
)
def test_an_exemption_is_for_its_kinds_of_change_and_its_tier_alone(change, answer, tier_name):
    found = decided(SPENT, change=change)

    assert (found.answer, found.tier) == (answer, tier_name)


WAIVER = {"owner": "head of product", "reason": "law", "expires": "2026-11-26"}


@pytest.mark.parametrize(
    ("case", "waiver", "at", "answer"),
    [
        ("it lifts every tier", WAIVER, "2026-11-25T00:00:00Z", "allow"),
        ("a moment before it expires", WAIVER | {"expires": "2026-11-25T00:00:01Z"}, "2026-11-25T00:00:00Z", "allow"),
        ("at its expiry", WAIVER | {"expires": "2026-11-25"}, "2026-11-25T00:00:00Z", "freeze"),
        ("long after", WAIVER | {"expires": "2026-10-25"}, "2026-11-25T00:00:00Z", "freeze"),
        ("before it begins", WAIVER | {"from": "2026-11-25T00:00:01Z"}, "2026-11-25T00:00:00Z", "freeze"),
        ("one tier alone", WAIVER | {"tiers": ["frozen"]}, "2026-11-25T00:00:00Z", "review"),
        ("another objective", WAIVER | {"objectives": ["billing"]}, "2026-11-25T00:00:00Z", "freeze"),
        ("another change", WAIVER | {"changes": ["data"]}, "2026-11-25T00:00:00Z", "freeze"),
        ("this change", WAIVER | {"changes": ["feature"]}, "2026-11-25T00:00:00Z", "allow"),
    ],
)
def test_a_waiver_lifts_what_it_names_until_it_expires(case, waiver, at, answer):
    found = decided(SPENT, change="feature", waivers=[waiver], at=moment(at))

    assert found.answer == answer, case
    assert bool(found.waivers) == (answer != "freeze"), case
    assert any("waived by head of product" in text for text in found.findings[0].set_aside) == bool(found.waivers)


@pytest.mark.parametrize(("named", "answer"), [("both", "allow"), ("sign-in", "allow"), ("billing", "freeze")])
def test_what_a_policy_says_of_a_composite_is_for_its_parts(named, answer):
    part = replace(asked(SPENT), composite="both")
    waiver = WAIVER | {"objectives": [named]}
    outage = {"reason": "network", "evidence": "INC-1", "from": "2026-11-24", "until": "2026-11-25"}

    assert decide(policy(waivers=[waiver]), [part], NOW).answer == answer
    excluded = decide(policy(exclusions=[outage | {"objectives": [named]}]), [part], NOW)
    assert excluded.answer == answer


def unseen(hours):
    """All was measured but these hours before now."""
    seen = np.ones(STEPS, bool)
    seen[[STEPS - hour for hour in hours]] = False
    return seen


@pytest.mark.parametrize(
    ("case", "how", "at", "why"),
    [
        ("nothing newer than two hours and a second", {}, NOW + 2 * HOUR + 1, "nothing newer than 2 h was measured"),
        ("the last three hours are not measured", {"measured": unseen([1, 2, 3])}, NOW, "nothing newer than 3 h"),
        ("a tenth and more is not measured", {"measured": unseen(range(10, 35))}, NOW, "only 89.58 % of its window"),
        ("nothing was ever measured", {"measured": np.zeros(STEPS, bool)}, NOW, "nothing was measured"),
        ("no event was counted", {"total": 0}, NOW, "no event was counted"),
        ("it asks about a time before the history", {}, NOW - STEPS * HOUR - HOUR, "nothing was measured"),
    ],
)
@pytest.mark.parametrize(
    ("default", "answer"), [("allow", "allow"), ("block", "freeze"), ("ask", "review"), (None, "freeze")]
)
def test_where_data_are_missing_or_stale_the_stated_default_holds_and_is_told(case, how, at, why, default, answer):
    found = decided({}, how=how, at=at, default=default)

    assert (found.answer, found.conclusive, found.tier) == (answer, False, None), case
    assert why in found.reasons[0]
    assert f"by default it says {default or 'block'}" in found.reasons[0]
    assert found.objective == "sign-in"


def test_data_just_young_and_whole_enough_decide():
    assert decided({}, at=NOW + 2 * HOUR).conclusive
    assert decided({}, how={"measured": unseen(range(10, 34))}).conclusive  # 90 % exactly


def test_counts_that_cannot_be_decide_nothing():
    for wrong in (-1.0, EACH + 1.0, float("nan")):
        broken = history()
        broken.good[STEPS - 5] = wrong

        found = decide(policy(), [Measured("sign-in", TARGET, WINDOW, broken)], NOW)

        assert (found.answer, found.conclusive) == ("freeze", False)
        assert "counts cannot be" in found.reasons[0]


def test_a_source_that_gave_nothing_is_told_with_its_own_words():
    found = decide(policy(), [Measured("sign-in", TARGET, WINDOW, None, "Prometheus did not answer")], NOW)

    assert not found.conclusive
    assert "Prometheus did not answer" in found.reasons[0]


def test_a_freeze_that_is_proven_stands_whatever_the_default_for_missing_data():
    found = decided(SPENT, at=NOW + DAY, default="allow")

    assert (found.answer, found.conclusive, found.tier) == ("freeze", True, "frozen")
    assert "nothing newer than 24 h" in found.reasons[0]


def test_a_question_of_one_objective_does_not_open_what_another_froze_and_its_doubt_is_told():
    missing = Measured("billing", TARGET, WINDOW, None)
    both = decide(policy(), [asked(SPENT), missing], NOW, default="allow")
    assert (both.answer, both.conclusive, both.objective) == ("freeze", True, "sign-in")

    calm = decide(policy(), [asked(), missing], NOW, default="allow")
    assert (calm.answer, calm.conclusive, calm.objective) == ("allow", False, "billing")

    half = decide(policy(), [asked({5: 100, 6: 20}), missing], NOW, default="allow")
    assert (half.answer, half.conclusive) == ("review", False)


def test_a_change_that_goes_out_without_data_is_not_held_up_by_missing_ones():
    data = {"decision": "block", "stale_after": "2h", "exempt": ["security"]}

    assert decided({}, at=NOW + DAY, change="security", insufficient_data=data).answer == "allow"
    assert decided({}, at=NOW + DAY, change="feature", insufficient_data=data).answer == "freeze"


def test_excluded_time_costs_nothing_is_no_gap_and_is_told_with_and_without():
    gone = [{"reason": "network", "evidence": "INC-1", "from": "2026-11-24T16:00:00Z", "until": "2026-11-24T20:00:00Z"}]

    found = decided(SPENT, exclusions=gone)

    assert (found.answer, found.conclusive) == ("allow", True)
    assert found.findings[0].evidence.remaining == 1
    assert found.findings[0].evidence.coverage == 1
    assert found.findings[0].with_excluded == 0


def test_in_a_calendar_window_the_budget_is_the_whole_windows_at_the_traffic_so_far():
    month = Window(1, "M", Calendar("2026-01-01 00:00:00", "UTC"))  # 24 days are over, 20 of them seen

    found = decide(policy(), [asked({5: 90, 200: 90}, window=month)], NOW)

    # 48,000 events in 24 days are 60,000 in 30, of which 600 may be bad.
    assert found.findings[0].evidence.remaining == 1 - Fraction(180, 600)
    assert found.findings[0].evidence.coverage == Fraction(480, 576)  # of the 24 days so far, 20 were seen


def test_a_calendar_window_begins_with_a_whole_budget():
    # Of the month before only its last days were bad; the 1st begins with nothing spent.
    month = Window(1, "M", Calendar("2026-01-01 00:00:00", "UTC"))
    start = int(moment("2026-10-01"))
    number = int((moment("2026-11-05") - start) // HOUR)
    good = np.full(number, 100.0)
    good[31 * 24 - 20 : 31 * 24] = 0.0  # 2,000 bad of 744 allowed
    whole = History(start, HOUR, good, np.full(number, 100.0), np.ones(number, bool))
    tiers = [tier("frozen", "freeze", {"exhausted": True}, {"remaining_at_least": 0.2, "held_for": "6h"})]

    def at(text):
        return decide(policy(tiers=tiers), [Measured("sign-in", TARGET, month, whole)], moment(text)).answer

    assert at("2026-10-31T23:00:00Z") == "freeze"
    assert at("2026-11-01T05:00:00Z") == "freeze"  # not yet held for six hours
    assert at("2026-11-01T08:00:00Z") == "allow"


def test_the_same_history_gives_the_same_decision_whoever_asks():
    one, other = decided(SPENT), decided(SPENT)

    assert (one.answer, one.reasons, one.lifts) == (other.answer, other.reasons, other.lifts)


hours = st.dictionaries(st.integers(1, STEPS), st.integers(0, EACH), max_size=12)


@settings(deadline=None)
@given(bad=hours, more=hours)
def test_more_bad_events_never_turn_a_worse_answer_into_a_better_one(bad, more):
    worse = {hour: max(bad.get(hour, 0), more.get(hour, 0)) for hour in bad | more}
    tiers = [
        tier("careful", "review", {"remaining_at_most": 0.5}, {"remaining_at_least": 0.6}),
        tier("large", "review", {"incident_above": 0.2}, {"held_for": "1h"}),
        tier(
            "frozen",
            "freeze",
            {"exhausted": True, "burning": [{"at_least": 20, "over": "6h"}]},
            {"remaining_at_least": 0.2, "held_for": "6h"},
        ),
    ]

    assert decided(worse, tiers=tiers).answer.severity >= decided(bad, tiers=tiers).answer.severity


@settings(deadline=None)
@given(bad=hours)
def test_a_tier_changes_only_at_its_limits(bad):
    """Hysteresis: wherever what is left lies between exit and entry, the tier is as it was a step before."""
    whole = Course(history(bad), TARGET, WINDOW)
    limits = [tier("careful", "review", {"remaining_at_most": 0.5}, {"remaining_at_least": 0.6})]
    enters, leaves = whole.remaining_at_most(Fraction(1, 2)), whole.remaining_at_least(Fraction(3, 5))
    answers = [
        decided(
            bad, tiers=limits, at=NOW - hour * HOUR, insufficient_data={"decision": "ask", "stale_after": "2h"}
        ).answer
        for hour in (3, 2, 1, 0)
    ]
    for index, step in enumerate((STEPS - 3, STEPS - 2, STEPS - 1), start=1):
        before, after = answers[index - 1], answers[index]
        if enters[step]:
            assert after is Answer.REVIEW
        elif leaves[step]:
            assert after is Answer.ALLOW
        else:
            assert after is before


@settings(deadline=None)
@given(
    bad=hours,
    expires=st.integers(NOW - 5 * DAY, NOW + 5 * DAY),
    change=st.sampled_from([None, "feature", "security", "reliability"]),
)
def test_a_waiver_never_outlives_its_expiry(bad, expires, change):
    from datetime import UTC, datetime

    text = datetime.fromtimestamp(expires, UTC).isoformat()
    waived = decided(bad, change=change, waivers=[WAIVER | {"expires": text}])

    if expires <= NOW:
        assert waived.answer is decided(bad, change=change).answer
        assert waived.waivers == ()
    else:
        assert waived.answer is Answer.ALLOW


@settings(deadline=None)
@given(bad=hours, change=st.sampled_from(["feature", "security", "reliability", "data"]))
def test_an_exemption_changes_nothing_for_other_kinds(bad, change):
    plain = decided(bad)
    asked_for = decided(bad, change=change)

    if change in {"feature", "data"}:
        assert asked_for.answer is plain.answer
    else:
        assert asked_for.answer.severity <= plain.answer.severity


@given(
    left=st.lists(st.integers(0, 2**40), min_size=1, max_size=20),
    right=st.integers(0, 2**40),
    factor=st.fractions(min_value=0, max_value=2, max_denominator=10**6),
)
def test_comparisons_are_exact(left, right, factor):
    values = np.array([float(value) for value in left])
    others = np.full(len(left), float(right))

    assert at_least(values, others, factor).tolist() == [value >= factor * right for value in left]
    assert at_least(values, others, factor, strictly=True).tolist() == [value > factor * right for value in left]


def test_a_share_that_floats_cannot_hold_is_compared_as_it_was_written():
    # 0.1 of the budget left: 27 of 30 bad. In floats, 1 - 27/30 is 0.09999999999999998.
    found = at_least(np.array([27.0]), np.array([3000.0]), (1 - Fraction(Decimal("0.1"))) * Fraction(1, 100))

    assert found.tolist() == [True]
    assert 1 - 27 / 30 != 0.1


def test_one_request_never_decides_alone():
    """At 99.9 % 500 events have a budget of half a one: one failure is bad luck, ten are proof."""

    def found(bad):
        few = history({5: bad} if bad else {}, total=0)
        few.total[-5], few.good[-5] = 500.0, 500.0 - bad
        asking = Measured("sign-in", Decimal("0.999"), WINDOW, few)
        return decide(policy(), [asking], NOW)

    for bad in (0, 1):
        told = found(bad)
        assert (told.conclusive, told.tier) == (False, None), bad
        assert any("budget of less than one" in reason for reason in told.reasons)
    assert (found(10).answer, found(10).conclusive) == ("freeze", True)
