"""Oks that rest on nothing: what visits record of themselves, and what becomes of the run."""

import io
import os
from contextlib import suppress
from random import Random
from types import SimpleNamespace
from unittest import mock

import gevent
import pytest
from rich.console import Console
from tests.unit.test_load_visit import FakeClock, exchange
from tests.unit.test_run_bad_ends import _objective
from tests.unit.test_run_validity import ZERO, Run

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load.origin import Origin
from holdfast.load.visit import Ground, Visit
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.report import html, junit, markdown
from holdfast.report.terminal import render
from holdfast.run.recorded import Stretch
from holdfast.run.search import _judged as _probe
from holdfast.run.unproven import unproven_in
from holdfast.slo.indicator import Indicator, Selector
from holdfast.synthetics.traffic import Traffic

# Locust patches the standard library when it is imported: this process is pytest's, and waits for threads of its own.
with mock.patch.dict(os.environ, {"LOCUST_SKIP_MONKEY_PATCH": "1"}):
    from holdfast.load.visitor import LEFT, Visitor, make_visit


class Adapter:
    """An inbox, and an operation that finds an answer of 200 wrong."""

    def __init__(self, inbox):
        self.newest = inbox.newest

    def refuse(self, why):
        raise failed(why)


class Somebody(Visitor):
    """Does what the test says."""

    abstract = True

    def __init__(self, does):
        self._visit = None
        self.does = does

    def ask(self, outcome="ok", detail=""):
        error = None if outcome == "ok" else OutcomeError(outcome, detail)
        self._visit._observe(exchange(outcome=outcome, detail=detail, error=error))
        if error is not None:
            raise error


def visited(does, *, expect=(), attack=False, times=1):
    """(name, outcome, detail) of the visit and its steps."""
    recorder, clock = Recorder("load"), FakeClock(100.0)
    ground = Ground(
        dialer=Dialer(Origin.of("http://127.0.0.1:9")),
        clock=clock,
        accounts=AccountPool([], clock),
        inbox=Inbox("http://127.0.0.1:9/outbox", lambda _: b'{"messages": []}'),
        make_service=lambda _client, inbox, *_: Adapter(inbox),
        marker="",
        recorder=recorder,
        fire=lambda **_: None,
        note_error=lambda *_: None,
        choices=Random(1),
        left=LEFT,
    )
    kind = type("Kind", (Somebody,), {"expect": expect, "attack": attack, "tasks": [does]})
    for _ in range(times):
        make_visit(Visit(ground, "buy", generated_account(1), due=100.0), ground, lambda: kind(does))
    found = fold("load", recorder.take()).intervals
    return {(i.name, i.outcome, i.detail) for i in found if i.name.count("/") < 2}


def asks_for_nothing(visitor):
    with visitor.step("look"):
        pass


def only_thinks(visitor):
    visitor.think("3s")


def only_looks(visitor):
    with visitor.step("look"):
        visitor.ask()


def passes_over_in_the_step(visitor):
    with visitor.step("look"), suppress(OutcomeError):
        visitor.ask("rejected", "404")


def passes_over_the_step(visitor):
    with suppress(OutcomeError), visitor.step("look"):
        visitor.ask("rejected", "404")


def passes_over_outside_of_steps(visitor):
    with visitor.step("look"):
        visitor.ask()
    with suppress(Exception):
        visitor.ask("transport_error", "ConnectionRefusedError")


def passes_over_its_own_patience(visitor):
    with suppress(gevent.Timeout), visitor.step("look"):
        visitor.ask()
        raise gevent.Timeout(1)


def passes_over_a_wrong_answer(visitor):
    with suppress(OutcomeError), visitor.step("look"):
        visitor.ask()
        raise failed("another_invoice")


def passes_over_what_the_adapter_says(visitor):
    with visitor.step("look"), suppress(OutcomeError):
        visitor.ask()
        visitor.service.refuse("another_invoice")


def passes_over_that_it_gives_up(visitor):
    with visitor.step("look"), suppress(OutcomeError):
        visitor.ask()
        visitor.give_up("no_way_on")


def tries_again(visitor):
    with suppress(OutcomeError), visitor.step("look"):
        visitor.ask("failed", "503")
    with visitor.step("look_again"):
        visitor.ask()


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        (only_looks, {("buy", "ok", ""), ("buy/look", "ok", "")}),
        (asks_for_nothing, {("buy", "ok", "no_request"), ("buy/look", "ok", "no_request")}),
        (only_thinks, {("buy", "ok", "no_request")}),
        (passes_over_in_the_step, {("buy", "ok", "failed_inside"), ("buy/look", "ok", "failed_inside")}),
        (passes_over_the_step, {("buy", "ok", "failed_inside"), ("buy/look", "rejected", "404")}),
        (passes_over_outside_of_steps, {("buy", "ok", "failed_inside"), ("buy/look", "ok", "")}),
        (passes_over_its_own_patience, {("buy", "ok", "failed_inside"), ("buy/look", "timed_out", "Timeout")}),
        (passes_over_what_the_adapter_says, {("buy", "ok", "failed_inside"), ("buy/look", "ok", "failed_inside")}),
        (passes_over_that_it_gives_up, {("buy", "ok", "failed_inside"), ("buy/look", "ok", "failed_inside")}),
        (passes_over_a_wrong_answer, {("buy", "ok", "failed_inside"), ("buy/look", "failed", "outcome")}),
        (
            tries_again,
            {("buy", "ok", "failed_inside"), ("buy/look", "failed", "503"), ("buy/look_again", "ok", "")},
        ),
    ],
)
def test_a_visit_that_ends_well_says_what_there_is_to_doubt(does, expected):
    found = visited(does)
    assert {(name, outcome) for name, outcome, _ in found} == {(name, outcome) for name, outcome, _ in expected}
    assert {told for told in found if told[1] == "ok"} == {told for told in expected if told[1] == "ok"}


@pytest.mark.parametrize(
    ("does", "expect", "attack"),
    [
        (asks_for_nothing, ("no_request",), False),
        (passes_over_in_the_step, ("rejected",), False),
        (tries_again, ("timed_out", "failed"), False),
        (passes_over_what_the_adapter_says, ("failed",), False),
        (passes_over_that_it_gives_up, ("abandoned",), False),
        (lambda v: passes_over_with(v, "rate_limited"), (), True),
        (lambda v: passes_over_with(v, "idle_closed"), (), False),
    ],
)
def test_what_a_scenario_says_that_it_means_is_not_doubted(does, expect, attack):
    found = visited(does, expect=expect, attack=attack)
    assert {detail for _, outcome, detail in found if outcome == "ok"} == {""}


def passes_over_with(visitor, outcome):
    with visitor.step("look"), suppress(OutcomeError):
        visitor.ask(outcome)


def test_what_is_meant_covers_nothing_else():
    found = visited(passes_over_in_the_step, expect=("failed", "no_request"))
    assert ("buy", "ok", "failed_inside") in found


def test_a_message_that_was_looked_for_is_something_that_was_asked():
    def reads(visitor):
        with visitor.step("ask"):
            visitor.ask()
        with visitor.step("read_message"):
            visitor.service.newest("a@b.test", 0.0)

    assert visited(reads) == {("buy", "ok", ""), ("buy/ask", "ok", ""), ("buy/read_message", "ok", "")}


def test_who_leaves_by_locusts_own_way_is_asked_the_same():
    def leaves(_visitor):
        raise LEFT[0]

    assert visited(leaves) == {("buy", "ok", "no_request")}


# ── what becomes of the run ──


def _judged(path, detail, *objectives, names=("sign_in", "sign_in/look"), beside=(), **more):
    run = Run(path, visits=0, more={"objectives": objectives, "scenarios": {"sign_in": ("look",)}} | more)
    recorder = Recorder("load")
    for number in range(80):
        for name in ("sign_in", "sign_in/look"):
            recorder.add(name, ZERO + number / 4, "ok", 0.1, 0.0, detail if name in names else "")
        for name, outcome, why in beside:
            recorder.add(name, ZERO + number / 4, outcome, 0.1, 0.0, why)
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
    return run


def _screen(summary):
    console = Console(width=200, file=io.StringIO(), color_system=None, _environ={})
    render(summary, console)
    return console.file.getvalue()


SILENT = "80 of 80 visits of sign_in ended ok and sent no request"
HOLLOW = "80 of 80 visits of sign_in ended ok although something in them failed (rejected: 404)"


@pytest.fixture
def reconciled(monkeypatch):
    """The generator's own checks are not what is looked at here."""
    monkeypatch.setattr("holdfast.run.validity.check_health", lambda **_: ())


@pytest.mark.parametrize("objective", [(), ("sign_in",), ("*/look",), ("other",)])
@pytest.mark.parametrize(
    ("detail", "beside", "said"),
    [("no_request", (), SILENT), ("failed_inside", [("sign_in/look/GET page", "rejected", "404")], HOLLOW)],
)
def test_no_run_is_met_by_oks_that_rest_on_nothing_and_every_report_says_so(
    tmp_path, reconciled, objective, detail, beside, said
):
    objectives = [_objective(*objective)] if objective else []
    found = _judged(tmp_path / "run", detail, *objectives, beside=beside).judged()
    assert (found.verdict, found.exit_code) == ("inconclusive", 3)
    assert said in found.headline
    for report in (_screen(found), markdown.render(found), junit.render(found), html.render(found)):
        assert said in report.replace("\\_", "_").replace("\n", " ")
    assert [(one.name, one.detail, one.count, one.total) for one in found.unproven] == [("sign_in", detail, 80, 80)]
    assert "met" not in [one.verdict for one in found.objectives]
    assert "good" not in [one.verdict for one in found.answers]
    assert not any("Not every phase is long enough" in one.answer for one in found.answers)  # it is, and proves nothing


def test_a_miss_stays_a_miss(tmp_path, reconciled):
    beside = [("sign_in/look/GET page", "rejected", "404")]
    found = _judged(tmp_path / "run", "failed_inside", _objective("*/*/GET *"), beside=beside).judged()
    assert (found.verdict, found.exit_code) == ("missed", 1)
    assert any(HOLLOW in answer.answer for answer in found.answers)


def test_one_is_enough(tmp_path, reconciled):
    beside = [("sign_in", "ok", "")] * 9
    found = _judged(tmp_path / "run", "no_request", _objective("sign_in"), names=("sign_in",), beside=beside).judged()
    assert (found.verdict, found.unproven[0].count, found.unproven[0].total) == ("inconclusive", 80, 800)


@pytest.mark.parametrize(("objective", "verdict"), [(("*/look",), "inconclusive"), (("sign_in",), "met")])
def test_a_step_that_asks_for_nothing_matters_where_an_objective_counts_it(tmp_path, reconciled, objective, verdict):
    found = _judged(tmp_path / "run", "no_request", _objective(*objective), names=("sign_in/look",)).judged()
    assert found.verdict == verdict
    if verdict == "inconclusive":
        assert "80 of 80 passes of sign_in/look ended ok and sent no request" in found.headline


def test_what_happened_outside_of_the_judged_phases_decides_nothing(tmp_path, reconciled):
    run = _judged(tmp_path / "run", "", _objective("sign_in"))
    recorder = Recorder("load")
    recorder.add("sign_in", ZERO - 5, "ok", 0.1, 0.0, "no_request")
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
    assert run.judged().verdict == "met"


def test_a_walk_to_which_the_target_answered_nothing_is_told_as_one():
    recorder = Recorder("synthetics")
    for number in range(4):
        recorder.add("look_in", ZERO + number, "ok", 1.0, 0.0, "no_request" if number else "")
    (one,) = unproven_in(fold("synthetics", recorder.take()).intervals, ())
    assert one.text == "3 of 4 walks of look_in ended ok without an answer of the target to any page"


def test_steps_are_told_where_their_visits_are_beyond_doubt():
    recorder = Recorder("load")
    recorder.add("buy", ZERO, "failed", 1.0, 0.0, "500")
    recorder.add("buy/look", ZERO, "ok", 1.0, 0.0, "failed_inside")
    recorder.add("buy/look/GET page", ZERO, "timed_out", 1.0, 0.0, "ResponseTimeout")
    selector = Selector(("*/look",), "load")
    (one,) = unproven_in(fold("load", recorder.take()).intervals, [Indicator("x", selector, good=selector)])
    assert one.text.endswith("although something in them failed (timed out: ResponseTimeout)")


def test_what_was_measured_and_not_judged_does_not_look_like_a_pass(tmp_path):
    found = Run(tmp_path / "run").judged()
    assert (found.verdict, found.exit_code) == ("measured", 0)
    assert found.headline == "Measured; no objective was judged"
    assert "✓ MEASURED" not in _screen(found)
    assert "· MEASURED" in _screen(found)
    assert markdown.render(found).startswith("## · Measured")
    assert '<skipped message="measured: Measured; no objective was judged">' in junit.render(found)
    banner = html.render(found).split('<header class="banner ', 1)[1].split("</p>", 1)[0]
    assert banner.startswith("neutral")
    assert "✓" not in banner


@pytest.mark.parametrize(("detail", "verdict"), [("", "met"), ("no_request", "inconclusive")])
def test_a_rate_of_a_capacity_search_is_not_held_by_visits_that_ask_for_nothing(tmp_path, detail, verdict):
    recorder = Recorder("load")
    for number in range(400):
        recorder.add("sign_in", 100.0 + number / 40, "ok", 0.1, 0.0, detail)
    with RunStore.create(tmp_path / "run.db") as store:
        store.write(fold("load", recorder.take()))
        stretch = Stretch("1: 40/s", 100.0, 110.0, judged=True)
        probe = _probe((_objective("sign_in"),), store, stretch, 40.0, {"unfinished": 0})
    assert probe.verdict == verdict
    assert ("400 of 400 visits of sign_in ended ok and sent no request" in probe.reason) == (verdict == "inconclusive")


@pytest.mark.parametrize(
    ("urls", "answered"),
    [((), False), (("data:text/html,hello", "about:blank"), False), (("http://127.0.0.1:9/sign-in",), True)],
)
def test_a_walk_has_been_answered_once_the_target_answered_anything(urls, answered):
    traffic = Traffic(SimpleNamespace(on=lambda *_: None, main_frame=None))
    for url in urls:
        request = SimpleNamespace(url=url, resource_type="document", is_navigation_request=lambda: False, frame=None)
        traffic._answered(SimpleNamespace(request=request, status=500))
    assert traffic.has_answered is answered
