"""report.md: GitHub's Markdown that stays within a step summary."""

import re
from dataclasses import replace

import pytest
from tests.unit.report_samples import VARIANTS, all_met, fault_hurt, hostile, no_data

from holdfast.report.markdown import LONGEST, render


def _tables(text):
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            found.append(rows)
            rows = []
    return found


def _cells(row):
    return re.split(r"(?<!\\)\|", row)[1:-1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_have_as_many_cells_in_every_row(variant):
    for table in _tables(render(VARIANTS[variant]())):
        assert set(_cells(table[1])) == {" --- "}
        assert len({len(_cells(row)) for row in table}) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_fits_a_step_summary(variant):
    assert len(render(VARIANTS[variant]()).encode()) < LONGEST


def test_it_fits_even_when_a_run_has_hundreds_of_objectives_with_long_reasons():
    sample = fault_hurt()
    many = tuple(replace(o, name=f"{o.name}-{i}", reason="why " * 5000) for i in range(100) for o in sample.objectives)
    text = render(replace(sample, objectives=many))
    assert len(text.encode()) < LONGEST
    assert "report.html" in text


def test_the_verdict_and_the_answers_come_first():
    lines = render(fault_hurt()).splitlines()
    assert lines[0] == "## ✕ Missed: sign-in-availability, sign-in-latency"
    assert lines[4].startswith("- ✕ **Was every objective met?**")


def test_hostile_texts_are_neither_html_nor_markup():
    text = render(hostile())
    assert "<script>" not in text
    assert "&lt;script&gt;alert('x')&lt;/script&gt; \\| \\`x\\`" in text
    assert "\x1b" not in text


def test_parts_that_did_not_run_say_why():
    text = render(no_data())
    assert "the plan names no experiment" in text
    assert "the plan asks no sizing question" in text


@pytest.mark.parametrize(
    "absent",
    [{"objectives": ()}, {"answers": ()}, {"capacity": replace(all_met().capacity, sizing=None)}, {"load": None}],
)
def test_every_part_may_be_absent(absent):
    assert render(replace(all_met(), **absent)).startswith("## ✓")


def test_failures_stand_by_message_with_their_number_and_first_time():
    text = render(fault_hurt()).replace("\u202f", " ")
    assert (
        "| failed: 503 database\\_unavailable | 35 | 94.6 % | 57 s | 71 s | sign\\_in/submit\\_password/POST sign-in |"
        in text
    )
    assert "### Failures" not in render(all_met())


def test_requests_have_a_row_each_and_those_left_out_are_counted():
    text = render(fault_hurt()).replace("\u202f", " ")
    assert "| request | count | per second | failed | p50 | p95 | p99 |" in text
    assert "| POST sign-in | 1 204 | 10/s | 35 (2.9 %) | 213 ms | 546 ms | 930 ms |" in text
    load = all_met().load
    assert load is not None
    many = tuple(replace(load.requests[0], name=f"GET page-{i}", count=10, outcomes={"ok": 10}) for i in range(100))
    text = render(replace(all_met(), load=replace(load, requests=many))).replace("\u202f", " ")
    assert text.count("| GET page-") == 30
    assert "And 70 more requests by name, sent 700 times, none of which failed." in text


def test_steps_that_lost_anybody_stand_in_order_of_the_share_that_they_lost():
    section = render(fault_hurt()).split("### Where customers drop off")[1].split("###")[0]
    shares = [float(re.sub(r"[^0-9.]", "", _cells(row)[4])) for row in _tables(section)[0][2:]]
    assert shares == sorted(shares)


def test_why_an_objective_was_missed_stands_beside_its_reason():
    sample = fault_hurt()
    known = tuple(replace(o, cause="35 failed (503)") if o.verdict == "missed" else o for o in sample.objectives)
    assert "below 99.9 % Why: 35 failed (503)." in render(replace(sample, objectives=known)).replace("\u202f", " ")
