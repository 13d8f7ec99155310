"""The terminal page: at any width, without colour, answers first."""

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.report_samples import VARIANTS, all_met, fault_hurt, hostile, invalid_generator, no_data

from holdfast.report.terminal import console_for, render


def _screen(summary, width=80, **options):
    stream = io.StringIO()
    console = Console(
        width=width, file=stream, color_system=None, highlight=False, markup=False, emoji=False, _environ={}, **options
    )
    render(summary, console)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_sample_fits_every_width_without_colour(variant, width):
    screen = _screen(VARIANTS[variant](), width)
    assert "\x1b" not in screen
    assert all(cell_len(line) <= width for line in screen.splitlines())


def test_the_verdict_comes_first_then_the_answers_then_the_figures():
    screen = _screen(fault_hurt())
    lines = screen.strip().splitlines()
    assert lines[0] == "✕ MISSED Missed: sign-in-availability, sign-in-latency"
    assert screen.index("Was every objective met?") < screen.index("\nObjectives\n") < screen.index("\nFaults\n")


def test_objectives_stand_in_a_table_at_eighty_columns_and_in_a_list_at_sixty():
    assert re.search(
        r"^objective +target +not judged +baseline +fault +recovery +whole run$",
        _screen(fault_hurt(), 80),
        re.MULTILINE,
    )
    assert "  ✕ 91.3\u202f%  fault  367 of 402" in _screen(fault_hurt(), 60)


def test_a_single_loss_in_thousands_is_seen_in_its_bar():
    screen = _screen(fault_hurt())
    line = next(line for line in screen.splitlines() if "open_sign_in" in line)
    assert "█▒" in line
    assert "1 lost" in line


def test_parts_that_did_not_run_say_why():
    screen = " ".join(_screen(no_data()).split())
    assert "load (the plan names no load)" in screen
    assert "capacity (the plan asks no sizing question)" in screen


@pytest.mark.parametrize(
    "absent",
    [{"objectives": ()}, {"answers": ()}, {"capacity": replace(all_met().capacity, sizing=None)}, {"load": None}],
)
def test_every_part_may_be_absent(absent):
    word = "PASSED" if "objectives" in absent else "MET"  # met is said of objectives alone
    assert f"✓ {word}" in _screen(replace(all_met(), **absent))


def test_hostile_texts_do_not_steer_the_terminal():
    screen = _screen(hostile(), force_terminal=True)
    assert "\x1b[31m" not in screen
    assert "[bold]red[/bold]" in screen


def test_a_file_gets_no_colour():
    stream = io.StringIO()
    render(fault_hurt(), console_for(stream))
    assert "\x1b" not in stream.getvalue()


def test_a_stream_that_cannot_spell_a_mark_is_given_a_question_mark():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(fault_hurt(), console_for(stream))
    stream.flush()
    assert b"? MISSED" in raw.getvalue()


def test_a_file_is_wide_unless_columns_says_otherwise(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    stream = io.StringIO()
    console_for(stream).print("runs/" + "x" * 130)
    assert len(stream.getvalue().splitlines()) == 1
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    console_for(stream).print("runs/" + "x" * 130)
    assert len(stream.getvalue().splitlines()) == 3


def test_a_check_that_does_not_hold_shows_its_value_and_limit_with_their_units():
    assert "! lag 412\u202fms (limit 50\u202fms): 99 % of arrivals" in _screen(invalid_generator(), 120)


def test_failures_and_requests_are_told_in_the_terminal_and_bounded():
    screen = _screen(fault_hurt(), 120).replace("\u202f", " ")
    assert "failed: 503 database_unavailable  35 (94.6 %), first at 57 s, last at 71 s" in screen
    assert "in sign_in/submit_password/POST sign-in" in screen
    assert re.search(r"POST sign-in +1 204 +10/s +35 \(2.9 %\) +213 ms", screen)
    load = all_met().load
    assert load is not None
    many = tuple(
        replace(load.requests[0], name=f"GET page-{i}", count=10, outcomes={"ok": 9, "failed": 1}) for i in range(40)
    )
    screen = _screen(replace(all_met(), load=replace(load, requests=many)), 120).replace("\u202f", " ")
    assert screen.count("GET page-") == 15
    assert "And 25 more requests by name, sent 250 times, of which 25 failed." in screen
