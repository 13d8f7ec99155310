"""Indicators as PromQL: what is asked for, and what no series may make of it."""

from decimal import Decimal
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.indicator import Indicator, Selector, matches
from holdfast.slo.objective import Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.promql import bucket_edge, events, expressions, name_pattern, range_seconds, range_text, sampled


def _query(text: str, **spec: Any) -> Query:
    return Query("prometheus", {"query": text, **spec})


@pytest.mark.parametrize(
    ("query", "counter", "asked"),
    [
        ("http_requests_total", True, "sum(increase(http_requests_total[5m]))"),
        ('http_requests_total{code=~"5.."}', True, 'sum(increase(http_requests_total{code=~"5.."}[5m]))'),
        ('{__name__="a b{}"}', True, 'sum(increase({__name__="a b{}"}[5m]))'),
        ("sum(http_requests_total)", True, "sum(increase(http_requests_total[5m]))"),
        ('sum ( a{x="1"} )', True, 'sum(increase(a{x="1"}[5m]))'),
        ("a{x='1', y=\"'\"}", True, "sum(increase(a{x='1', y=\"'\"}[5m]))"),
        ('sum(a{x="(1)"})', True, 'sum(increase(a{x="(1)"}[5m]))'),
        ("events", False, "sum(sum_over_time(events[5m]))"),
        ("sum(rate(a[{{.window}}]))", True, "sum(rate(a[5m]))"),
        ("sum by (x) (a)", True, "increase((sum by (x) (a))[5m:1m])"),
        ("a + b", True, "increase((a + b)[5m:1m])"),
        ("a + b", False, "sum_over_time((a + b)[5m:1m])"),
    ],
)
def test_a_query_is_counted_over_the_range(query: str, counter: bool, asked: str) -> None:
    assert events(_query(query), "5m", counter=counter) == asked


def test_a_query_of_many_spaces_takes_no_time() -> None:
    begin = perf_counter()
    assert events(_query("sum( a )"), "5m", counter=True) == "sum(increase(a[5m]))"
    events(_query("sum(" + " " * 1500 + "("), "5m", counter=True)
    assert perf_counter() - begin < 1


def test_a_template_may_be_a_rate_and_a_subquery_of_any_resolution() -> None:
    assert (
        events(_query("sum(rate(a[{{ .window }}]))", perSecond=True), "5m", counter=True) == "(sum(rate(a[5m])) * 300)"
    )
    assert events(_query("a + b", resolution="15s"), "1h", counter=True) == "increase((a + b)[1h:15s])"


@pytest.mark.parametrize(
    ("text", "enclosed"),
    [
        ('sum(rate(a{x=")"}[1m]))', False),
        ("increase(a[1m])", False),
        ('sum(rate(a{x="\\")"}[1m]))', False),
        ("sum(a[1m]) + sum(b[1m])", True),
        ("sum(a[1m]) or vector(0)", True),
        ("sum by (x) (a[1m])", True),
        ("-increase(a[1m])", True),
        ("a[1m]", True),
    ],
)
def test_what_stands_around_a_template_binds_no_tighter(text: str, enclosed: bool) -> None:
    counted = events(_query(text.replace("1m", "{{.window}}")), "1m", counter=True)
    assert counted == (f"({text})" if enclosed else text)


def test_where_there_is_no_bad_series_nothing_was_bad() -> None:
    found = expressions(QueryRatio("r", _query("all"), bad=_query("bad")), "5m")
    assert found.bad == "(sum(increase(bad[5m])) or 0 * sum(increase(all[5m])))"
    good = expressions(QueryRatio("r", _query("all"), good=_query("good")), "5m")
    assert good.bad == "(sum(increase(all[5m])) - (sum(increase(good[5m])) or 0 * sum(increase(all[5m]))))"


def test_what_has_no_value_is_neither_good_nor_bad() -> None:
    threshold = QueryThreshold("t", _query("p99"), "lt", Decimal("1E+3"))
    assert sampled(threshold, "1m") == "1 - (((p99) >= -Inf) < bool 1000)"
    assert expressions(threshold, "1h").ratio == "1 - avg_over_time((((p99) >= -Inf) < bool 1000)[1h:1m])"
    raw = QueryRaw("r", _query("share"), success=True)
    assert sampled(raw, "1m") == "1 - (share)"
    assert expressions(raw, "1h").ratio == "1 - (avg(avg_over_time(((share) >= -Inf)[1h:1m])))"
    with pytest.raises(ValueError, match="counts events"):
        sampled(QueryRatio("r", _query("all"), good=_query("good")), "1m")


def test_a_query_of_another_kind_is_no_promql() -> None:
    with pytest.raises(ValueError, match="has no PromQL query"):
        events(Query("csv", {"column": "x"}), "5m", counter=True)


def test_requests_count_dropped_arrivals_of_scenarios_that_make_them() -> None:
    requests = Selector(("*/*/GET *",), "load")
    found = expressions(Indicator("i", requests, good=Selector(("*/*/GET *",), "load", ("ok",))), "5m")
    assert found.total is not None
    assert 'outcome="dropped",name!~".*/.*"' in found.total
    assert "last_over_time(" in found.total
    steps = expressions(Indicator("i", Selector(("*/a",)), good=Selector(("*/a",), None, ("ok",))), "5m")
    assert "dropped" not in steps.ratio


@pytest.mark.parametrize(("under", "edge"), [(0.4, "0.4"), (1.0, "1.0"), (700 * 0.001, "0.7"), (30.0, "30.0")])
def test_an_edge_is_written_as_exporters_write_it(under: float, edge: str) -> None:
    assert bucket_edge(under) == edge


@pytest.mark.parametrize("seconds", [1, 59, 60, 300, 3600, 86_400, 259_200, 2_419_200, 90_061])
def test_ranges_are_written_and_read_back(seconds: int) -> None:
    assert range_seconds(range_text(seconds)) == seconds


_NAMES = st.text(st.sampled_from("ab/*?.+(|\\"), min_size=1, max_size=8)


@given(_NAMES, _NAMES)
def test_a_pattern_matches_what_the_glob_matches(glob: str, name: str) -> None:
    import re

    assert (re.fullmatch(name_pattern(glob), name) is not None) == matches(glob, name)
