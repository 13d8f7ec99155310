"""Time that does not count: when it is, whom it is for, and who answers for it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.exclusions import excluded, load_exclusions, spans
from holdfast.slo.objective import Composite, Method, Objective, Query, QueryRaw, names_of
from holdfast.slo.recurrence import parse_rule, spans_of
from holdfast.slo.window import Span, rolling
from holdfast.workspace.document import load_documents

GOOD = """
kind: Exclusions
description: Agreed times.
exclusions:
  - name: weekly
    category: maintenance
    reason: The database is moved.
    owner: identity
    start: "2026-03-22 02:30:00"
    zone: Europe/Berlin
    duration: 90m
    repeat: FREQ=WEEKLY;BYDAY=SU
    objectives: [billing-*]
"""


def loaded(tmp_path: Path, text: str, names=("billing-availability", "sign-in")):
    path = tmp_path / "exclusions.yaml"
    path.write_text(text, encoding="utf-8")
    documents, problems = load_documents(path)
    assert problems == []
    return load_exclusions(documents, names)


def objective(name: str) -> Objective:
    indicator = QueryRaw("ok", Query("csv", {}), success=True)
    return Objective(name, "", "s", "", Decimal("0.99"), rolling("28d"), indicator, "", "", "")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_an_exclusion_comes_again_at_the_same_local_time_whatever_clocks_do(tmp_path):
    (one,), problems = loaded(tmp_path, GOOD)

    found = spans(one, Span(utc("2026-03-20"), utc("2026-04-10")))

    assert problems == []
    assert [span.start for span in found] == [
        utc("2026-03-22T01:30:00"),  # winter: 02:30 is 01:30 UTC
        utc("2026-03-29T01:30:00"),  # 02:30 does not exist on that day, and is an hour later: 03:30 summer time
        utc("2026-04-05T00:30:00"),  # summer: 02:30 is 00:30 UTC
    ]
    assert {span.seconds for span in found} == {5400}


def test_an_exclusion_is_only_for_the_objectives_that_it_names(tmp_path):
    exclusions, _ = loaded(tmp_path, GOOD)
    week = Span(utc("2026-03-20"), utc("2026-03-27"))

    (mine,) = excluded(exclusions, objective("billing-availability"), week)
    assert len(mine) == 1
    assert excluded(exclusions, objective("sign-in"), week) == [[]]


def test_what_names_a_composite_is_for_its_parts_and_what_names_a_part_for_it_alone(tmp_path):
    parts = (objective("open"), objective("close"))
    both = Composite("billing-both", "", "s", "", rolling("28d"), Method.OCCURRENCES, parts, "", "", "")
    week = Span(utc("2026-03-20"), utc("2026-03-27"))
    for named, counts in (("billing-*", [1, 1]), ("close", [0, 1])):
        exclusions, problems = loaded(tmp_path, GOOD.replace("billing-*", named), names_of([both]))

        assert problems == []
        assert [len(spans) for spans in excluded(exclusions, both, week)] == counts


def test_one_that_began_before_the_stretch_reaches_into_it(tmp_path):
    (one,), _ = loaded(tmp_path, GOOD)

    assert len(spans(one, Span(utc("2026-03-22T02:00:00"), utc("2026-03-22T02:10:00")))) == 1
    assert spans(one, Span(utc("2026-03-22T03:00:00"), utc("2026-03-22T03:10:00"))) == []


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (None, [1]),
        ("FREQ=DAILY;COUNT=3", [1, 2, 3]),
        ("FREQ=DAILY;INTERVAL=10", [1, 11, 21, 31]),
        ("FREQ=DAILY;BYDAY=SA,SU", [3, 4, 10, 11, 17, 18, 24, 25, 31]),
        ("FREQ=WEEKLY;UNTIL=2026-01-15", [1, 8, 15]),
        ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", [1, 5, 8, 12]),
        ("FREQ=WEEKLY;INTERVAL=2", [1, 15, 29]),
        ("FREQ=MONTHLY", [1]),
    ],
)
def test_rules_give_the_days_they_say(rule, days):
    """1 January 2026 is a Thursday."""
    month = Span(utc("2026-01-01"), utc("2026-02-01"))

    found = spans_of(datetime(2026, 1, 1, 3), "UTC", 60, parse_rule(rule) if rule else None, month)  # noqa: DTZ001

    assert [datetime.fromtimestamp(span.start, UTC).day for span in found] == days


def test_a_month_without_the_day_is_left_out():
    year = Span(utc("2026-01-01"), utc("2026-12-31T23:59:00"))

    found = spans_of(datetime(2026, 1, 31), "UTC", 60, parse_rule("FREQ=MONTHLY"), year)  # noqa: DTZ001

    assert [datetime.fromtimestamp(span.start, UTC).month for span in found] == [1, 3, 5, 7, 8, 10, 12]


def test_a_rule_that_never_comes_true_ends():
    found = spans_of(
        datetime(2026, 1, 6),  # noqa: DTZ001 - a Tuesday
        "UTC",
        60,
        parse_rule("FREQ=DAILY;INTERVAL=7;BYDAY=MO"),
        Span(utc("2026-01-01"), utc("2027-01-01")),
    )

    assert found == []


@given(st.text(max_size=30))
def test_any_text_is_a_rule_or_a_value_error(text):
    try:
        parse_rule(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - it is one of two


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reason: The database is moved.", 'reason: ""', "nobody answers for"),
        ("    owner: identity\n", "", '"owner" is missing'),
        ("Europe/Berlin", "Europe/Atlantis", "not a time zone"),
        ("2026-03-22 02:30:00", "2026-03-22", "not a start time"),
        ("2026-03-22 02:30:00", "0001-01-01 00:00:00", "not a year"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY", "FREQ is one of"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;BYHOUR=3", "not read here"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;COUNT=2;UNTIL=2026-12-31", "keep one"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;UNTIL=2026-13-31", "month"),
        ("category: maintenance", "category: because", "not known here"),
        ("90m", "0s", "too small"),
        ("billing-*", "biling-*", 'no objective is called "biling-*"'),
        ("zone:", "timezone:", "timezone"),
    ],
)
def test_what_is_wrong_with_an_exclusion_is_told_at_its_line(tmp_path, old, new, said):
    assert old in GOOD
    _, problems = loaded(tmp_path, GOOD.replace(old, new))

    assert any(said in problem.what for problem in problems), problems
    assert all("exclusions.yaml:" in problem.where for problem in problems)


def test_two_exclusions_of_one_name_are_a_problem(tmp_path):
    entry = GOOD.partition("exclusions:\n")[2]

    _, problems = loaded(tmp_path, GOOD + entry)

    assert [problem.what for problem in problems if "second exclusion" in problem.what]
