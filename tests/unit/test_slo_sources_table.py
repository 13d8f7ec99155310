"""CSV as a source: what it says, and everything that is wrong with it at once."""

import contextlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.objective import AnyIndicator, Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.sources.table import TableSource
from holdfast.slo.window import Span, parse_window

SIGN_IN = Indicator("sign-in-ok", Selector(("sign_in",)), good=Selector(("sign_in",), None, ("ok",)))


def _objective(indicator: AnyIndicator = SIGN_IN, name: str = "sign-in") -> Objective:
    return Objective(
        name, "", "s", "", Decimal("0.99"), parse_window("28d"), indicator, runbook="", owner="", where="slo/a.yaml:9"
    )


def _file(folder: Path, text: str) -> Path:
    path = folder / "history.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _problems(folder: Path, text: str, objective: Objective | None = None) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as error:
        TableSource(_file(folder, text)).observe(objective or _objective(), Span(0, 600), 60)
    return [(problem.where.rpartition("/")[2], problem.what) for problem in error.value.problems]


def test_rows_are_steps_and_missing_rows_are_not_measured(tmp_path: Path) -> None:
    text = "time,good,total\n60,9,10\n120,0,0\n240,5,5\n300,,\n360,1,2\n"
    found = TableSource(_file(tmp_path, text)).observe(_objective(), Span(0, 420), 60)
    assert found.history.total.tolist() == [0, 10, 0, 0, 5, 0, 2]
    assert found.history.good.tolist() == [0, 9, 0, 0, 5, 0, 1]
    assert found.history.measured.tolist() == [False, True, True, False, True, False, True]
    assert found.test_traffic is None
    assert found.notes == ()


def test_times_are_iso_with_a_zone_or_epoch_seconds(tmp_path: Path) -> None:
    text = "time,bad,total\n1970-01-01T00:01:00Z,1,10\n1970-01-01T01:02:00+01:00,2,10\n180,0,10\n"
    found = TableSource(_file(tmp_path, text)).observe(_objective(), Span(0, 240), 60).history
    assert found.good.tolist() == [0, 9, 8, 10]


def test_rows_are_of_objectives_or_of_indicators_where_a_column_says_so(tmp_path: Path) -> None:
    text = "time,objective,good,total\n0,sign-in,1,1\n0,other,5,9\n60,sign-in,2,2\n"
    source = TableSource(_file(tmp_path, text))
    assert source.observe(_objective(), Span(0, 120), 60).history.total.tolist() == [1, 2]
    assert source.observe(_objective(name="other"), Span(0, 120), 60).history.total.tolist() == [9, 0]
    nobody = source.observe(_objective(name="nobody"), Span(0, 120), 60)
    assert not nobody.history.measured.any()
    assert "has no row of nobody" in nobody.notes[0]
    text = "time,indicator,good,total\n0,sign-in-ok,1,1\n"
    assert TableSource(_file(tmp_path, text)).observe(_objective(), Span(0, 60), 60).history.total.tolist() == [1]


def test_test_traffic_stands_beside_the_whole(tmp_path: Path) -> None:
    text = "time,bad,total,test_bad,test_total\n0,3,10,1,4\n60,0,10,,\n"
    found = TableSource(_file(tmp_path, text)).observe(_objective(), Span(0, 120), 60)
    assert found.test_traffic is not None
    assert found.test_traffic.total.tolist() == [4, 0]
    assert found.test_traffic.good.tolist() == [3, 0]


def test_coarse_rows_measure_every_step_they_stand_for_and_say_so(tmp_path: Path) -> None:
    text = "time,good,total\n0,300,300\n300,290,300\n600,10,10\n"
    found = TableSource(_file(tmp_path, text)).observe(_objective(), Span(0, 1200), 60)
    assert found.history.measured.tolist() == [True] * 15 + [False] * 5
    assert found.history.total.sum() == 610
    assert found.notes == (
        "rows lie 300 s apart and steps are 60 s long: what a row counts is counted in its first step",
    )


def test_fine_rows_add_up(tmp_path: Path) -> None:
    rows = "".join(f"{second},1,2\n" for second in range(0, 180, 20))
    found = TableSource(_file(tmp_path, "time,good,total\n" + rows)).observe(_objective(), Span(0, 180), 60).history
    assert found.total.tolist() == [6, 6, 6]


def test_all_that_is_wrong_with_rows_is_told_at_once_with_lines(tmp_path: Path) -> None:
    text = "time,good,total\n0,1,1\n60,3,2\n60,1,1\n30,1,1\n120,-1,5\n180,1,\n240,inf,inf\n300,1e308,1e308\n360,1,1\n"
    assert _problems(tmp_path, text) == [
        ("history.csv:3", "more good events than total"),
        ("history.csv:4", "the same time as the row before"),
        ("history.csv:5", "earlier than the row before"),
        ("history.csv:6", "good is below 0"),
        ("history.csv:7", "one of good and total is empty"),
        ("history.csv:8", "good is infinite"),
        ("history.csv:9", "good is more than anybody counts"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", [("history.csv:1", 'there is no column "time"')]),
        ("zeit,good,total\n", [("history.csv:1", 'there is no column "time"')]),
        ("time,good,good\n", [("history.csv:1", 'two columns are called "good"')]),
        (
            "time,gud\n",
            [
                ("history.csv:1", 'unknown column "gud"'),
                ("history.csv:1", 'there is no column "total"'),
                ("history.csv:1", 'there is neither "good" nor "bad"'),
            ],
        ),
        ("time,good,bad,total\n", [("history.csv:1", "good and bad stand together")]),
        ("time,good,total,test_total\n", [("history.csv:1", "test traffic is test_good and test_total beside good")]),
        (
            "time,good,total\n0,1,1\n60,1\n120,1,1,1\n",
            [("history.csv:3", "2 cells, and 3 columns"), ("history.csv:4", "4 cells, and 3 columns")],
        ),
        (
            "time,good,total\nnow,1,1\n2026-01-01T00:00:00,1,1\n-5,1,1\nNaN,1,1\n",
            [
                ("history.csv:2", 'time is "now"'),
                ("history.csv:3", 'time is "2026-01-01T00:00:00"'),
                ("history.csv:4", 'time is "-5"'),
                ("history.csv:5", 'time is "NaN"'),
            ],
        ),
        ("time,good,total\n0,1,NaN\n", [("history.csv:2", 'total is "NaN"')]),
        (
            "time,good,total\n0,1,one\n60,1,1 000\n",
            [("history.csv:2", 'total is "one"'), ("history.csv:3", 'total is "1 000"')],
        ),
        ('time,good,total\n0,1,"1\n', [("history.csv:2", "is not CSV: unexpected end of data")]),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str, told: list[tuple[str, str]]) -> None:
    assert _problems(tmp_path, text) == told


def test_thousands_of_wrong_rows_are_not_all_told(tmp_path: Path) -> None:
    rows = "".join(f"{second},x,1\n" for second in range(3000))
    found = _problems(tmp_path, "time,good,total\n" + rows)
    assert len(found) == 21
    assert found[-1] == ("history.csv", "more than 20 rows are wrong")


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        TableSource(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"time,good\xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        TableSource(tmp_path / "b.csv")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(b"\xef\xbb\xbftime,good,total\r\n0,1,2\r\n")
    assert TableSource(path).observe(_objective(), Span(0, 60), 60).history.total.tolist() == [2]


def _query(folder: Path, **spec: Any) -> Query:
    return Query("csv", {"file": "history.csv", **spec}, where=f"{folder}/slo.yaml:7  spec")


def test_an_objective_names_its_own_file_and_columns(tmp_path: Path) -> None:
    _file(tmp_path, "time,ok,all,p99,share,objective\n0,9,10,0.3,0.25,x\n60,8,10,0.5,,x\n120,7,10,,1,y\n")
    total, good = _query(tmp_path, column="all"), _query(tmp_path, column="ok")
    ratio = QueryRatio("r", total, good=good, counter=False)
    found = TableSource(None).observe(_objective(ratio), Span(0, 180), 60).history
    assert found.good.tolist() == [9, 8, 7]
    bad = TableSource(None).observe(_objective(QueryRatio("r", total, bad=good, counter=False)), Span(0, 180), 60)
    assert bad.history.good.tolist() == [1, 2, 3]
    raw = QueryRaw("r", _query(tmp_path, column="share"), success=False)
    found = TableSource(None).observe(_objective(raw), Span(0, 180), 60).history
    assert (found.good.tolist(), found.total.tolist()) == ([0.75, 0, 0], [1, 0, 1])
    slow = QueryThreshold("r", _query(tmp_path, column="p99"), "lte", Decimal("0.4"))
    found = TableSource(None).observe(_objective(slow), Span(0, 180), 60).history
    assert (found.good.tolist(), found.measured.tolist()) == ([1, 0, 0], [True, True, False])
    of_x = QueryRaw("r", _query(tmp_path, column="share", objective="x"), success=True)
    assert TableSource(None).observe(_objective(of_x), Span(0, 180), 60).history.measured.sum() == 1


def test_what_an_objective_cannot_ask_of_a_file_is_told(tmp_path: Path) -> None:
    _file(tmp_path, "time,ok,all\n0,9,10\n")
    good, total = _query(tmp_path, column="ok"), _query(tmp_path, column="all")
    for indicator, told in (
        (QueryRatio("r", total, good=good), "holds the events of its step"),
        (QueryRatio("r", total, good=_query(tmp_path, column="okk"), counter=False), 'asked for "okk"'),
        (QueryRatio("r", total, good=_query(tmp_path), counter=False), "asked for no column"),
        (QueryRatio("r", total, good=_query(tmp_path, column="all", file="no.csv"), counter=False), 'no file "no.csv"'),
        (QueryRatio("r", good, good=total, counter=False), "more good events than total"),
        (QueryRaw("r", good, success=True), "are not ratios"),
        (SIGN_IN, "give the file by --csv"),
    ):
        with pytest.raises(InputError, match=told):
            TableSource(None).observe(_objective(indicator), Span(0, 60), 60)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 9), st.integers(0, 9)), unique_by=lambda r: r[0], max_size=20
    ),
    step=st.sampled_from([60, 120, 300]),
)
def test_no_event_is_lost_or_counted_twice(tmp_path_factory: Any, rows: list[tuple[int, int, int]], step: int) -> None:
    lines = [f"{minute * 60},{good},{good + bad}\n" for minute, good, bad in sorted(rows)]
    path = _file(tmp_path_factory.mktemp("csv"), "time,good,total\n" + "".join(lines))
    found = TableSource(path).observe(_objective(), Span(0, 3000), step).history
    assert found.good.sum() == sum(good for _, good, _ in rows)
    assert found.total.sum() == sum(good + bad for _, good, bad in rows)
    assert found.measured[found.total > 0].all()


_CELLS = st.sampled_from(
    ["", "0", "60", "1e999", "-1", "NaN", "x", "2026-01-01T00:00:00Z", '"', '"a,b"', "\x00", " ", "9" * 400]
)


@given(rows=st.lists(st.lists(_CELLS, min_size=1, max_size=4), max_size=6), text=st.text(max_size=30))
def test_whatever_stands_in_a_file_is_read_or_is_told(tmp_path_factory: Any, rows: list[list[str]], text: str) -> None:
    lines = "\n".join(",".join(row) for row in rows)
    for whole in (f"time,good,total\n{lines}\n{text}", text):
        path = tmp_path_factory.mktemp("csv") / "h.csv"
        path.write_text(whole, encoding="utf-8", errors="replace")
        with contextlib.suppress(InputError):
            found = TableSource(path).observe(_objective(), Span(0, 600), 60).history
            assert (found.good <= found.total).all()
