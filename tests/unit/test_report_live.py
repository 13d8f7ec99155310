"""The live screen: lines for a log, a picture for a terminal; nothing is lost in either."""

import io
from pathlib import Path

from rich.console import Console
from tests.unit.report_samples import fault_hurt

from holdfast.report.terminal import LiveScreen
from holdfast.run.events import (
    FaultInjected,
    FaultReverted,
    Finished,
    JourneyRan,
    Notice,
    PhaseStarted,
    Preparing,
    SearchStep,
    Started,
    Tick,
)

PHASES = (("baseline", 0.0, 30.0), ("fault", 30.0, 60.0))


def _tick(at, bad=0):
    return Tick(
        float(at), "baseline", 20.0, 20 * (at + 1) - bad, bad, 0.18, 3, {"sign-in-latency": 16.0, "other": None}, 2
    )


def _events():
    return [
        Preparing("starting the reference stack"),
        Started("20260301T085000Z-ci", Path("runs/x"), "ci", "A run.", "reference", 60.0, PHASES),
        PhaseStarted(0.0, "baseline", judged=False),
        *(_tick(second) for second in range(25)),
        FaultInjected(30.2, "replica_kill", "kill_process", "account-1"),
        _tick(31, bad=7),
        JourneyRan(31.0, "reset_password", "ok", 1.9),
        JourneyRan(32.0, "reset_password", "timed_out", 8.0, "ask for link"),
        FaultReverted(36.0, "replica_kill", "done"),
        Notice(37.0, "warning", "load: \x1b[31mred\x1b[0m"),
        SearchStep(61.0, 40.0, "met", "every objective was met"),
        Finished(Path("runs/x"), fault_hurt()),
    ]


def _shown(**options):
    stream = io.StringIO()
    console = Console(file=stream, width=100, highlight=False, markup=False, _environ={}, **options)
    with LiveScreen(console) as screen:
        for event in _events():
            screen.handle(event)
    return stream.getvalue()


def test_a_log_has_a_line_for_each_phase_fault_and_failed_walk_and_one_every_ten_seconds():
    lines = _shown(force_terminal=False).replace("\u202f", " ").splitlines()
    assert lines == [
        "preparing: starting the reference stack",
        "run 20260301T085000Z-ci on reference, about 1 min: runs/x",
        "   0.0 s  phase baseline (not judged)",
        "   0.0 s  baseline: 20/s due · 20 ok, 0 bad so far · p95 180 ms · 3 in flight · 2 replicas ready",
        "  10.0 s  baseline: 20/s due · 220 ok, 0 bad so far · p95 180 ms · 3 in flight · 2 replicas ready",
        "  20.0 s  baseline: 20/s due · 420 ok, 0 bad so far · p95 180 ms · 3 in flight · 2 replicas ready",
        "  30.2 s  fault in: replica_kill: kill_process on account-1",
        "  31.0 s  baseline: 20/s due · 633 ok, 7 bad so far · p95 180 ms · 3 in flight · 2 replicas ready",
        "  32.0 s  ✕ journey reset_password: timed out at ask for link, after 8 s",
        "  36.0 s  ✓ fault out: replica_kill, clean-up done",
        "  37.0 s  ? load: \ufffd[31mred\ufffd[0m",
        "  61.0 s  ✓ held 40/s: met. every objective was met",
    ]


def test_a_terminal_shows_progress_burn_rates_and_what_is_in_the_target():
    screen = _shown(force_terminal=True, color_system=None).replace("\u202f", " ")
    assert "✕ in the target now: replica_kill: kill_process on account-1" in screen
    assert "✕ burn rate 16" in screen
    assert "31 s of 1 min" in screen
    assert "other" not in screen


def test_a_dumb_terminal_gets_plain_lines():
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system=None, _environ={"TERM": "dumb"})
    with LiveScreen(console) as screen:
        for event in _events():
            screen.handle(event)
    assert "\x1b" not in stream.getvalue()


def test_the_screen_is_given_back_when_the_run_breaks():
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None, _environ={})
    screen = LiveScreen(console)
    screen.__enter__()
    screen.handle(_tick(1))
    screen.__exit__(RuntimeError, RuntimeError(), None)
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is shown again
