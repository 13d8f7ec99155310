"""Rules as data and text: exact thresholds, guards, labels, and what is told before anything is written."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows
from holdfast.slo.objective import (
    AlertPolicy,
    Composite,
    Condition,
    Method,
    NoData,
    NotificationTarget,
    Objective,
    Query,
    QueryRatio,
    QueryThreshold,
    Slices,
)
from holdfast.slo.rule import AlertRule, Record, number
from holdfast.slo.rule_checks import Traffic
from holdfast.slo.rule_labels import is_label_name, label_name
from holdfast.slo.rule_set import rule_set
from holdfast.slo.rule_text import Resource, resource_text, rules_text, scalar, yaml_lines
from holdfast.slo.rules import ABSENT_ALERT, Escalation, RuleOptions, absent_after, rules_of
from holdfast.slo.sloth_rules import sloth_rules
from holdfast.slo.traffic import traffic_of
from holdfast.slo.window import Calendar, Window, rolling


def query(text, **more):
    return Query("prometheus", {"query": text, **more})


REQUESTS = QueryRatio("requests", query('requests_total{job="a"}'), bad=query('requests_total{job="a",code=~"5.."}'))


def objective(**changes):
    base = Objective(
        "sign-in", "Sign-in works", "account", "People get in.", Decimal("0.999"), rolling("28d"), REQUESTS,
        "docs/sign-in.md", "identity", "slo.yaml:1",
    )  # fmt: skip
    return replace(base, **changes)


def alerts(made):
    return {(each.rule.alert, each.rule.labels["severity"]): each.rule for each in made.written}


def records(made):
    return {rule.record: rule.expr for group in made.groups for rule in group.rules if isinstance(rule, Record)}


class TestNumbers:
    @given(st.fractions(min_value=0, max_value=10**6))
    def test_what_prometheus_computes_is_the_float_nearest_to_the_fraction(self, value):
        text = number(value)
        assert eval(text) == value.numerator / value.denominator  # noqa: S307 - decimals and one division

    @given(st.decimals(min_value=0, max_value=1, places=9, allow_nan=False))
    def test_a_decimal_is_written_as_it_is(self, value):
        assert Decimal(number(Fraction(value))) == value
        assert "/" not in number(Fraction(value))

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Fraction("0.01344"), "0.01344"),
            (Fraction(14, 15000), "(7 / 7500)"),
            (Fraction(28), "28"),
            (Fraction(1, 2), "0.5"),
        ],
    )
    def test_there_is_no_noise_of_floats(self, value, text):
        assert number(value) == text

    @given(
        st.decimals(min_value="0.5", max_value="0.99999", places=5),
        st.sampled_from(["7d", "28d", "30d", "90d"]),
        st.sampled_from(WORKBOOK.rows),
    )
    def test_every_threshold_in_the_rules_is_the_exact_one(self, target, window, row):
        made = rules_of(objective(target=target, window=rolling(window)), WORKBOOK)
        threshold = row.threshold(target, rolling(window).seconds)
        written = (
            ""
            if made.problems
            else alerts(made)["ErrorBudgetBurn", row.severity].expr
            if made.windows.of(row.severity)
            else ""
        )
        assert (f"> {number(threshold)}\n" in written) is (threshold < 1)


class TestText:
    @given(st.text())
    def test_any_text_comes_back_from_yaml(self, text):
        if all(c in "\t\n" or " " <= c <= "\ud7ff" or c >= "\ue000" for c in text):
            assert yaml.safe_load(scalar(text)) == text

    @given(
        st.recursive(
            st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z"))) | st.integers() | st.booleans(),
            lambda inside: (
                st.lists(inside, max_size=3) | st.dictionaries(st.text("abc:- ", min_size=1), inside, max_size=3)
            ),
        )
    )
    def test_any_data_comes_back_from_yaml(self, value):
        assert yaml.safe_load("".join(yaml_lines({"value": value}))) == {"value": value}

    def test_rules_are_read_as_they_were_meant(self):
        made = rules_of(objective(), WORKBOOK)
        read = yaml.safe_load(rules_text(made.groups))["groups"]
        assert [group["name"] for group in read] == [group.name for group in made.groups]
        for group, found in zip(made.groups, read, strict=True):
            assert [rule.expr for rule in group.rules] == [rule["expr"] for rule in found["rules"]]
            assert [dict(rule.labels) for rule in group.rules] == [rule["labels"] for rule in found["rules"]]

    def test_an_operators_resource_holds_the_same_groups(self):
        made = rules_of(objective(), WORKBOOK, options=RuleOptions(interval=10))
        read = yaml.safe_load(resource_text(made.groups, Resource("mine", "monitoring", {"release": "main"})))
        assert read["kind"] == "PrometheusRule"
        assert read["metadata"] == {"name": "mine", "namespace": "monitoring", "labels": {"release": "main"}}
        assert read["spec"] == yaml.safe_load(rules_text(made.groups))
        assert {group["interval"] for group in read["spec"]["groups"]} == {"10s"}

    def test_peoples_words_are_no_templates(self):
        made = rules_of(objective(description="Braces {{ $value }} stay."), WORKBOOK)
        read = yaml.safe_load(rules_text(made.groups))
        told = [rule["annotations"]["description"] for rule in read["groups"][0]["rules"] if "alert" in rule]
        assert all(text.endswith('Braces {{"{{"}} $value }} stay.') for text in told)


class TestRecords:
    def test_bad_and_total_are_recorded_apart_and_a_window_without_events_has_no_ratio(self):
        found = records(rules_of(objective(), WORKBOOK))
        assert found["holdfast:slo_total_events:1h"] == 'sum(increase(requests_total{job="a"}[1h]))'
        assert found["holdfast:slo_bad_events:1h"].endswith('or 0 * sum(increase(requests_total{job="a"}[1h])))')
        assert found["holdfast:slo_error_ratio:1h"].endswith(" > 0)")

    def test_the_period_is_summed_from_short_counts_not_from_ratios(self):
        found = records(rules_of(objective(), WORKBOOK))
        assert found["holdfast:slo_total_events:28d"].startswith("sum_over_time(holdfast:slo_total_events:5m{")
        assert found["holdfast:slo_total_events:28d"].endswith("[28d:5m])")
        assert "avg_over_time" not in "".join(found.values())

    def test_longer_windows_are_chained_when_asked(self):
        found = records(rules_of(objective(), WORKBOOK, options=RuleOptions(chain_over=6 * HOUR)))
        assert "requests_total" in found["holdfast:slo_total_events:6h"]
        assert "requests_total" not in found["holdfast:slo_total_events:1d"]

    def test_windows_of_seconds_are_written_in_seconds(self):
        windows = BurnWindows("test", "a test", (BurnRow("page", 30, 10, Decimal("0.5")),))
        made = rules_of(objective(window=rolling("1m")), windows, options=RuleOptions(interval=1))
        assert "holdfast:slo_error_ratio:10s" in records(made)
        assert "interval: 1s" in rules_text(made.groups)

    def test_a_query_that_leaves_many_series_becomes_one(self):
        many = QueryRatio(
            "x", query("sum by (job) (rate(a[{{.window}}]))"), bad=query("sum by (job) (rate(b[{{.window}}]))")
        )
        found = records(rules_of(objective(indicator=many), WORKBOOK))
        assert found["holdfast:slo_total_events:5m"] == "sum((sum by (job) (rate(a[5m]))))"

    def test_slices_without_data_count_as_the_objective_says(self):
        for no_data, ending in ((NoData.BAD, "or vector(1)"), (NoData.GOOD, "or vector(0)"), (NoData.EXCLUDE, ")")):
            sliced = objective(method=Method.TIMESLICES, slices=Slices(60, Decimal("0.95"), no_data))
            found = records(rules_of(sliced, WORKBOOK))
            assert found["holdfast:slo_slice_bad"].endswith(ending)
            assert "> bool 0.05" in found["holdfast:slo_slice_bad"]
            assert found["holdfast:slo_bad_events:1h"].endswith("[1h:1m])")

    def test_a_composite_burns_by_the_weights_of_its_parts(self):
        parts = (
            objective(name="a", weight=Decimal(1)),
            objective(name="b", target=Decimal("0.95"), weight=Decimal("0.5")),
        )
        both = Composite("both", "", "account", "", rolling("28d"), Method.OCCURRENCES, parts, "", "", "slo.yaml:9")
        made = rule_set([both])
        assert [each.objective.name for each in made.rules] == ["a", "b", "both"]
        text = records(made.rules[-1])["holdfast:slo_window_burn_rate:1h"]
        assert "(1000 * holdfast:slo_error_ratio:1h{" in text
        assert "(10 * holdfast:slo_error_ratio:1h{" in text
        recorded = {name for each in made.rules[:2] for name in records(each)}
        assert all(f"holdfast:slo_error_ratio:{window}" in recorded for window in ("5m", "3d", "28d"))


class TestAlerts:
    def test_the_guard_asks_for_failures_in_the_long_window_only(self):
        made = rules_of(objective(), WORKBOOK, Traffic(min_failures=5))
        text = alerts(made)["ErrorBudgetBurn", "page"].expr
        assert text.count(">= 5") == 2
        assert 'holdfast:slo_bad_events:1h{slo_objective="sign-in",slo_service="account"} >= 5' in text
        assert "slo_bad_events:5m" not in text

    def test_a_row_that_cannot_fire_is_left_out_and_told(self):
        made = rules_of(objective(target=Decimal("0.9")), WORKBOOK)
        assert [row.long for row in made.windows.rows] == [6 * HOUR, DAY, 3 * DAY]
        told = [warning.what for warning in made.warnings]
        assert any("1h/5m of sign-in can never fire: it needs more than 134.4 % of errors" in what for what in told)

    def test_an_objective_none_of_whose_alerts_can_fire_is_wrong(self):
        made = rules_of(objective(target=Decimal(0)), BurnWindows("x", "x", WORKBOOK.of("page")))
        assert not made.groups
        assert made.problems[0].what.startswith("no alert of sign-in can ever fire")

    def test_rows_within_the_budget_are_told_once_for_all_objectives(self):
        made = rule_set([objective(name=f"o-{index}") for index in range(5)])
        within = [warning for warning in made.warnings if "within the budget" in warning.what]
        assert len(within) == 1

    def test_few_failures_at_the_expected_traffic_are_told(self):
        rare = objective(annotations={"holdfast.dev/expected-rate": "10/h"})
        traffic, problems = traffic_of(rare)
        assert not problems
        told = [w.what for w in rules_of(rare, WORKBOOK, traffic).warnings]
        assert any("1 failed in 1h make the page over 1h/5m of sign-in fire" in what for what in told)
        guarded = rules_of(rare, WORKBOOK, replace(traffic, min_failures=5))
        assert not any("make the page" in w.what for w in guarded.warnings)

    @pytest.mark.parametrize("text", ["", "ten", "10", "10/w", "-1/h", "0/h"])
    def test_a_rate_that_is_none_is_wrong(self, text):
        _, problems = traffic_of(objective(annotations={"holdfast.dev/expected-rate": text}))
        assert "is not a rate" in problems[0].what

    @pytest.mark.parametrize("text", ["-1", "1.5", "many"])
    def test_a_least_number_that_is_none_is_wrong(self, text):
        _, problems = traffic_of(objective(annotations={"holdfast.dev/min-failures": text}))
        assert "is not a whole number" in problems[0].what

    def test_no_data_is_told_as_soon_as_a_total_outage_would_be(self):
        assert absent_after(WORKBOOK.rows, Decimal("0.999"), 28 * DAY) == 49  # 13.44 * 0.001 * 3600 = 48.4
        rule = alerts(rules_of(objective(), WORKBOOK))[ABSENT_ALERT, "page"]
        assert rule.after == 49
        assert rule.expr == 'absent(holdfast:slo_total_events:5m{slo_objective="sign-in",slo_service="account"})'

    @pytest.mark.parametrize(("when_no_data", "told"), [(True, True), (False, False)])
    def test_alert_policies_say_whether_no_data_is_told(self, when_no_data, told):
        fast, target = Condition("fast", "page", "gte", Decimal(10), HOUR, 300), NotificationTarget("on-call", "x")
        policy = AlertPolicy("wake", fast, (target,), when_no_data)
        made = rules_of(objective(alert_policies=(policy,)), WORKBOOK)
        assert ((ABSENT_ALERT, "page") in alerts(made)) is told
        condition = alerts(made)["AlertCondition", "page"]
        assert condition.expr.endswith(">= 0.01")
        assert (condition.after, condition.labels["policy"]) == (300, "wake")

    def test_a_measured_value_cannot_count_failures(self):
        depth = objective(indicator=QueryThreshold("depth", query("depth"), "lte", Decimal(5)))
        made = rules_of(depth, WORKBOOK, Traffic(min_failures=5))
        assert any("counts no events" in warning.what for warning in made.warnings)
        assert ">= 5" not in alerts(made)["ErrorBudgetBurn", "page"].expr

    @pytest.mark.parametrize(
        ("changes", "windows", "what"),
        [
            ({"window": rolling("1d")}, WORKBOOK, "an alert looks back 3d"),
            ({"window": rolling("30d")}, replace(WORKBOOK, name="w", period=7 * DAY), "the burn windows w are for 7d"),
            ({"method": Method.TIMESLICES, "slices": Slices(10 * MINUTE, Decimal("0.9"))}, WORKBOOK, "slices of 10m"),
            ({"indicator": QueryRatio("x", Query("datadog", {}), bad=Query("datadog", {}))}, WORKBOOK, "no PromQL"),
        ],
    )
    def test_what_rules_cannot_say_is_a_problem_that_says_why(self, changes, windows, what):
        made = rules_of(objective(**changes), windows)
        assert not made.groups
        assert what in made.problems[0].what
        assert made.problems[0].fix

    def test_calendar_windows_are_alerted_on_by_their_nominal_length(self):
        month = Window(1, "M", Calendar("2026-01-01 00:00:00", "UTC"))
        made = rules_of(objective(window=month), WORKBOOK)
        assert any("the last 30d" in warning.what for warning in made.warnings)
        assert "holdfast:slo_error_ratio:30d" in records(made)


class TestLabels:
    def test_alerts_say_who_and_where_to_read(self):
        options = RuleOptions(extra={"team": "a"}, escalation={"sign-in": Escalation("main", "page me")})
        labels = {"tier": ("one", "two"), "journey": "sign_in", "severity": "x"}
        made = rules_of(objective(labels=labels), WORKBOOK, options=options)
        rule = alerts(made)["ErrorBudgetBurn", "page"]
        assert rule.labels == {
            "tier": "one,two", "team": "a", "severity": "page", "objective": "sign-in", "service": "account",
            "journey": "sign_in", "owner": "identity", "escalation": "main",
        }  # fmt: skip
        assert rule.annotations["runbook_url"] == "docs/sign-in.md"
        assert rule.annotations["escalation"] == "page me"
        assert "People get in." in rule.annotations["description"]
        assert any('"severity"' in warning.what for warning in made.warnings)

    @given(st.text(min_size=1, max_size=20))
    def test_any_key_becomes_a_name_that_prometheus_takes(self, key):
        assert is_label_name(label_name(key))


class TestSloth:
    def test_its_names_stand_on_the_same_thresholds(self):
        made = sloth_rules(rules_of(objective(window=rolling("30d")), WORKBOOK))
        assert [group.name for group in made.groups] == [
            f"sloth-slo-{part}-account-sign-in" for part in ("sli-recordings", "meta-recordings", "alerts")
        ]
        page = next(rule for rule in made.groups[-1].rules if isinstance(rule, AlertRule))
        assert page.alert == "SignIn"
        assert "> 0.0144) without (sloth_window)" in page.expr

    def test_a_method_that_it_has_not_is_a_problem(self):
        sliced = objective(method=Method.TIMESLICES, slices=Slices(60, Decimal("0.95")))
        made = sloth_rules(rules_of(sliced, WORKBOOK))
        assert "Timeslices" in made.problems[0].what
