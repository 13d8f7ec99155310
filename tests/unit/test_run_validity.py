"""What a recorded run is worth: its checks, its verdict without objectives. Records as a generator leaves them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.errors import MeasurementError, Problem, RunFolderError
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.record.timeline import PHASE, Span
from holdfast.run.asked import AskedJourney, read_asked, write_asked
from holdfast.run.bad_end import end_badly, judge_ended
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run

RECORDED = RunFolder(Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt")
ZERO = 1_772_355_000.0
SECONDS = 30


class Run:
    """A run of one load profile alone; by default 90 visits that ended well."""

    def __init__(
        self, path, *, visits=90, profile=None, loop_delay=lambda _: 0.004, events=(), more=None, more_visits=()
    ):
        self.folder = RunFolder(path)
        path.mkdir()
        asked = read_asked(RECORDED)
        load = replace(asked.load[0], profile={**asked.load[0].profile, **(profile or {})})
        phase = replace(asked.phases[0], name="load", end=float(SECONDS))
        alone = {"objectives": (), "experiments": (), "journeys": (), "load": (load,), "phases": (phase,)}
        write_asked(replace(asked, **alone | (more or {})), self.folder)
        recorder = Recorder("load")
        for number in range(visits):
            recorder.add("sign_in", ZERO + number * SECONDS / visits, "ok", 0.1)
        for outcome, duration in more_visits:
            recorder.add("sign_in", ZERO + 1, outcome, duration)
        done = {"planned": visits, "started": visits, "dropped": 0, "finished": visits, "unfinished": 0}
        with RunStore.create(self.folder.database) as store:
            store.write(fold("load", recorder.take()))
            for second in range(SECONDS):
                told = {"cpu": 0.2, "loop_delay": loop_delay(second)}
                store.write_gauges(Gauge(ZERO + second, "generator", name, value) for name, value in told.items())
            store.write_span(Span(PHASE, "load", ZERO, ZERO + SECONDS, ZERO, ZERO + SECONDS, {"judged": True}))
            for event in (
                Event(ZERO, "run", "released", {"time_zero": ZERO}),
                *events,
                Event(ZERO + SECONDS, "load", "child_done", done),
                Event(ZERO + SECONDS + 1, "run", "sealed", {"interrupted": False}),
            ):
                store.write_event(event)

    def judged(self):
        return judge_run(self.folder)

    def check(self, name):
        return next(check for check in self.judged().validity.checks if check.name == name)


@pytest.mark.parametrize(
    ("visits", "verdict", "code"),
    [(1, "inconclusive", 3), (58, "inconclusive", 3), (59, "measured", 0), (90, "measured", 0)],
)
def test_a_load_without_objectives_is_measured_by_enough_visits_that_all_end_well(tmp_path, visits, verdict, code):
    found = Run(tmp_path / "run", visits=visits).judged()
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert ("show too little" in found.headline) == (verdict == "inconclusive")


@pytest.mark.parametrize("named", [False, True], ids=["no objective", "an objective that no phase judges"])
@pytest.mark.parametrize(
    ("visits", "failed", "verdict", "said"),
    [
        (90, 0, "measured", "no objective was judged"),
        (90, 1, "inconclusive", "1 visit did not end well, and no "),
        (0, 90, "inconclusive", "90 visits did not end well, and no "),
        (9, 0, "inconclusive", "show too little"),
    ],
)
def test_objectives_that_no_phase_judges_make_nothing_greener(
    tmp_path, monkeypatch, named, visits, failed, verdict, said
):
    monkeypatch.setattr("holdfast.run.validity.check_health", lambda **_: ())
    asked = read_asked(RECORDED)
    phase = replace(asked.phases[0], name="load", end=float(SECONDS), judged=False)
    more = {"phases": (phase,), "objectives": asked.objectives[:1] if named else ()}
    found = Run(tmp_path / "run", visits=visits, more=more, more_visits=[("failed", 0.1)] * failed).judged()
    assert found.verdict == verdict
    assert said in found.headline


def test_a_run_whose_folder_was_removed_while_it_ran_was_begun_all_the_same(tmp_path):
    folder = Run(tmp_path / "run").folder
    shutil.rmtree(folder.path)
    with pytest.raises(MeasurementError, match="though the run went to its end"):
        judge_ended(folder)
    for error in (RunFolderError(Problem("run.json", "cannot be read")), FileNotFoundError(2, "No such file")):
        with pytest.raises(MeasurementError, match="its folder was removed while it ran"):
            list(end_badly(folder, error, started=True))


def test_an_experiment_has_a_verdict_of_its_own_however_few_visits_felt_it(tmp_path):
    run = Run(tmp_path / "run", visits=8, more={"experiments": read_asked(RECORDED).experiments})
    assert "show too little" not in run.judged().headline


def test_virtual_users_are_judged_by_how_long_the_loop_stood_still(tmp_path):
    def frozen(second):
        return 0.0 if second % 10 else 0.5

    closed = {"stages": [], "virtual_users": 5, "think_time": 1.0}
    assert Run(tmp_path / "open", loop_delay=frozen).check("lag").verdict == "valid"
    assert Run(tmp_path / "closed", loop_delay=frozen, profile=closed).check("lag").verdict == "invalid"


def test_fast_refusals_do_not_pass_for_fast_answers(tmp_path):
    refused = [("rate_limited", 0.001)] * 900 + [("dropped", 0.0)] * 5
    (whole, *_) = Run(tmp_path / "run", more_visits=refused).judged().load.series
    assert (whole.name, whole.phase, whole.outcomes["rate_limited"]) == ("sign_in", "run", 900)
    assert whole.response.p50 == pytest.approx(0.001, rel=0.004)
    assert whole.response_ok.p50 == pytest.approx(0.1, rel=0.004)
    assert whole.response_ok.max == 0.1


def _told(kind, place, worker=None, **facts):
    named = {} if worker is None else {"worker": worker}
    return Event(
        ZERO + 1, "load", kind, {"scenario": "odd", "where": place, "text": f"KeyError ({place})"} | named | facts
    )


@pytest.mark.parametrize(
    ("events", "said", "count"),
    [
        (
            [_told("scenario_error", "odd.py:9"), _told("scenario_errors", "odd.py:9", count=5000)],
            "5000 visits spoilt by an error in a scenario of ours, not by the target: KeyError (odd.py:9)",
            5000.0,
        ),
        (
            [_told("scenario_error", "odd.py:9"), _told("scenario_errors", "odd.py:9", count=1)],
            "1 visit spoilt by an error in a scenario of ours",
            1.0,
        ),
        (
            [
                *(_told("scenario_error", f"odd.py:{line}", worker) for line in (9, 12) for worker in ("a", "b")),
                *(_told("scenario_errors", f"odd.py:{line}", "a", count=10) for line in (9, 12)),
            ],
            "at least 22 visits spoilt by an error at 2 places in scenarios of ours",
            22.0,
        ),
        ([_told("scenario_error", "odd.py:9")], "at least 1 visit spoilt", 1.0),
    ],
)
def test_visits_that_our_own_error_spoilt_are_counted_not_their_places(tmp_path, events, said, count):
    found = Run(tmp_path / "run", events=events).check("scenarios")
    assert (found.verdict, found.value) == ("invalid", count)
    assert found.reason.startswith(said)


def _death(second, process="postgres", how="was killed by SIGKILL", out_of_memory=0):
    facts = {"process": process, "how": how, "out_of_memory": out_of_memory}
    return Event(ZERO + second, "run", "stack_death", facts)


@pytest.mark.parametrize(
    ("process", "how"),
    [
        ("postgres", "was killed by SIGKILL"),
        ("postgres", "lost its client backend, killed by SIGKILL"),
        ("valkey", "ended with exit code 1"),
        ("proxy", "was killed by SIGKILL"),
        ("account-1", "was killed by SIGSEGV"),
        ("supervisor", "ended, and the whole stack with it"),
    ],
)
def test_what_failed_when_our_own_stack_died_is_not_the_targets_miss(tmp_path, process, how):
    failed = [("failed", 0.1)] * 80
    run = Run(tmp_path / "run", events=[_death(7, process, how)], more_visits=failed)

    found = run.judged()

    assert (found.verdict, found.exit_code) == ("invalid", 3)
    assert f"our reference stack lost {process}" in found.headline
    assert run.check("reference_stack").reason == f"{process} {how}, 7 s after time 0, by no experiment of this run"


def test_a_stack_that_died_before_the_release_did_so_before_time_0(tmp_path):
    check = Run(tmp_path / "run", events=[_death(-0.3)]).check("reference_stack")
    assert check.reason == "postgres was killed by SIGKILL, before time 0, by no experiment of this run"


def test_several_deaths_are_counted_and_a_machine_out_of_memory_is_named(tmp_path):
    events = [_death(9, "valkey"), _death(7, out_of_memory=1), _death(12, out_of_memory=3)]
    check = Run(tmp_path / "run", events=events).check("reference_stack")

    assert (check.verdict, check.value) == ("invalid", 3.0)
    assert check.reason.startswith("postgres was killed by SIGKILL, 7 s after time 0")
    assert "then 2 more deaths (valkey, postgres)" in check.reason
    assert check.reason.endswith("killed 3 processes for want of memory meanwhile")


@pytest.mark.parametrize(("at", "is_invalid"), [(4, True), (6, False), (14, False), (18, False), (25, True)], ids=str)
def test_what_an_experiment_with_actions_of_its_own_may_have_killed_is_its_doing(tmp_path, at, is_invalid):
    def told(second, kind, foreign):
        facts = {"experiment": "kill_by_hand", "foreign_actions": foreign}
        return Event(ZERO + second, "chaos", kind, facts)

    around = [told(5, "experiment_started", True), told(15, "experiment_ended", True)]
    ours = [told(5, "experiment_started", False), told(15, "experiment_ended", False)]

    names = [check.name for check in Run(tmp_path / "run", events=[*around, _death(at)]).judged().validity.checks]
    assert ("reference_stack" in names) == is_invalid
    names = [check.name for check in Run(tmp_path / "ours", events=[*ours, _death(at)]).judged().validity.checks]
    assert "reference_stack" in names


def test_walks_that_found_no_account_degrade_the_run_with_what_to_do(tmp_path):
    facts = {"journey": "account_page", "reason": "no_free_account", "needs_code": True}
    events = [Event(ZERO + second, "synthetics", "not_walked", facts) for second in range(8)]
    check = Run(tmp_path / "run", events=events).check("journey_accounts")
    assert check.verdict == "degraded"
    assert "account_page (8 of 8 walks that need a second factor)" in check.reason
    assert "give the target more test accounts" in check.reason
    assert not [c for c in Run(tmp_path / "other").judged().validity.checks if c.name == "journey_accounts"]


def test_walks_left_out_because_we_held_up_the_one_before_are_reported_apart(tmp_path):
    reasons = ("waited_for_code", "browser_broke", "waited_for_code")
    events = [
        Event(ZERO + second, "synthetics", "not_walked", {"journey": "page", "reason": reason})
        for second, reason in enumerate(reasons)
    ]
    run = Run(tmp_path / "run", events=events)
    check = run.check("journeys_held_up")
    assert (check.verdict, check.value) == ("degraded", 3.0)
    assert "still waited for its next one-time code: page (2)" in check.reason
    assert "had broken: page (1)" in check.reason
    assert not [c for c in run.judged().validity.checks if c.name == "journey_accounts"], "accounts were not short"


@pytest.mark.parametrize(("visits", "verdict", "code"), [(0, "missed", 1), (90, "inconclusive", 3)])
def test_a_walk_that_fails_beside_load_misses_nothing_where_no_objective_was_asked(tmp_path, visits, verdict, code):
    journey = AskedJourney("page", "synthetics/page.py", 4.0, 2.0, ("open",))
    alone = {"journeys": (journey,)} | ({} if visits else {"load": ()})
    run = Run(tmp_path / "run", visits=visits, more=alone)
    recorder = Recorder("synthetics")
    for number in range(7):
        recorder.add("page", ZERO + 4 * number, "failed" if number == 3 else "ok", 0.5)
    with RunStore.open(run.folder.database) as store:
        store.write(fold("synthetics", recorder.take()))
    found = run.judged()
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert "page" in found.headline


def test_what_a_scenario_spawned_and_lost_degrades_the_run(tmp_path):
    facts = {"where": "odd.py:9", "text": "KeyError: 'none' (odd.py:9)"}
    events = [Event(ZERO + 1, "load", "spawned_errors", {"scenario": "odd", "count": 7} | facts)]
    found = Run(tmp_path / "run", events=events).check("spawned")
    assert (found.verdict, found.value) == ("degraded", 7.0)
    assert found.reason == "7 greenlets spawned by odd ended by an error: KeyError: 'none' (odd.py:9)"
