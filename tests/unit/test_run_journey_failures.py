"""Why a journey fails: what its walks said, grouped, since when, and what was wrong with the target."""

from dataclasses import replace
from types import SimpleNamespace

from tests.unit.report_samples import all_met, fault_hurt

from holdfast.record.store import Event
from holdfast.report.junit import render as junit
from holdfast.report.markdown import render as markdown
from holdfast.report.verdicts import word_of
from holdfast.run.answers import why_it_fails
from holdfast.run.journey_failures import since, standing_fault_results, walk_failures
from holdfast.run.summary import StandingFault

LINE = "sign_in.py:20  await expect(page.get_by_label('Code')).to_be_visible()"


def walk(at, outcome="failed", **facts):
    said = {
        "step": "enter password",
        "detail": "503",
        "status": 503,
        "error_code": "database_unavailable",
        "line": LINE,
    }
    known = said if outcome != "ok" else {}
    return Event(
        at, "synthetics", "journey", {"name": "sign_in", "due": at - 1.0, "outcome": outcome, **known, **facts}
    )


def history(**facts):
    before = {"failing_since": None, "last_passed": None, "last_passed_run": "", "runs": 0, **facts}
    return Event(0.0, "run", "journey_history", {"name": "sign_in", **before})


def recorded(*events):
    return SimpleNamespace(events_of=lambda kind: [event for event in events if event.kind == kind])


def test_walks_that_failed_alike_are_told_once_the_most_frequent_first():
    events = [walk(10.0, detail="no_answer", status=None, error_code=""), walk(20.0), walk(30.0, "ok"), walk(40.0)]

    often, once = walk_failures(recorded(*events), "sign_in")

    assert (often.walks, often.first_at, often.last_at, often.status) == (2, 20.0, 40.0, 503)
    assert (once.walks, once.status, once.error_code) == (1, None, "")
    assert walk_failures(recorded(*events), "another") == ()


def test_since_when_is_read_from_the_runs_before_and_from_this_one():
    before = history(failing_since=5.0, last_passed=3.0, last_passed_run="1-check", runs=2)

    still = since(recorded(before, walk(20.0)), "sign_in")
    assert (still.failing_since, still.last_passed, still.last_passed_run, still.earlier_runs) == (
        5.0,
        3.0,
        "1-check",
        2,
    )

    again = since(recorded(before, walk(20.0, "ok"), walk(30.0), walk(40.0)), "sign_in")
    assert (again.failing_since, again.last_passed, again.last_passed_run) == (29.0, 19.0, "")

    mended = since(recorded(before, walk(20.0), walk(30.0, "ok")), "sign_in")
    assert (mended.failing_since, mended.last_passed) == (None, 29.0)
    assert since(recorded(walk(20.0)), "sign_in").earlier_runs is None

    cut_off = since(recorded(history(), walk(20.0, "unfinished"), walk(30.0)), "sign_in")
    assert cut_off.failing_since == 29.0


def test_what_stands_in_the_target_is_told_once_with_when_it_was_seen():
    events = [
        Event(1.0, "run", "standing_fault", {"place": "link postgres", "what": "is cut", "when": when})
        for when in ("start", "end")
    ]
    assert standing_fault_results(recorded(*events)) == (StandingFault("link postgres", "is cut", True, True),)


def failing_check():
    """A summary of a check whose one journey failed."""
    events = [
        history(last_passed=3.0, last_passed_run="1-check", runs=1),
        walk(20.0, said="expected to_be_visible", evidence=["evidence/a.png"]),
    ]
    told = since(recorded(*events), "sign_in")
    summary = fault_hurt()
    journey = replace(
        summary.journeys[0],
        name="sign_in",
        runs=1,
        outcomes={"failed": 1},
        owner="identity",
        runbook="docs/runbooks/sign-in.md",
        failures=walk_failures(recorded(*events), "sign_in"),
        failing_since=told.failing_since,
        last_passed=told.last_passed,
        last_passed_run=told.last_passed_run,
        earlier_runs=told.earlier_runs,
    )
    answer = why_it_fails(journey, [StandingFault("link postgres", "is cut", True, True)], decides=True)
    parts = {"objectives": (), "faults": (), "load": None, "journeys": (journey,), "answers": (answer,)}
    return replace(summary, verdict="missed", exit_code=1, **parts)


def test_the_answer_says_all_that_is_asked_first_at_night():
    (answer,) = failing_check().answers

    assert answer.question == "Why does sign_in fail?"
    assert answer.answer.split("\n") == [
        "Step enter password: failed (503 database_unavailable) in 1 of 1 walks.",
        "Expected to_be_visible.",
        "At sign_in.py:20: await expect(page.get_by_label('Code')).to_be_visible()",
        "Evidence: evidence/a.png.",
        "It fails since 1970-01-01 00:00:19 UTC; it last passed at 1970-01-01 00:00:03 UTC in 1-check.",
        "Runbook: docs/runbooks/sign-in.md (owner: identity).",
        "In the target, not put in by this run: link postgres is cut.",
    ]


def test_a_journey_that_passed_again_says_when_and_one_that_never_passed_how_often_it_was_tried():
    def last_line(*events):
        told = since(recorded(*events), "sign_in")
        journey = replace(
            fault_hurt().journeys[0], runs=2, runbook="", failures=walk_failures(recorded(*events), "sign_in"),
            failing_since=told.failing_since, last_passed=told.last_passed, last_passed_run=told.last_passed_run,
            earlier_runs=told.earlier_runs,
        )  # fmt: skip
        return why_it_fails(journey, [], decides=True).answer.split("\n")[-1]

    assert last_line(history(), walk(20.0), walk(30.0, "ok")) == "It passed again at 1970-01-01 00:00:29 UTC."
    assert last_line(history(runs=3), walk(20.0)).endswith("; it passed in none of the 3 earlier runs that are here.")
    assert last_line(history(), walk(20.0)).endswith("; no earlier run walked it here.")


def test_where_no_objective_was_asked_nothing_is_met_or_missed():
    failed = failing_check()
    assert word_of(failed) == "failed"
    assert word_of(replace(failed, verdict="met")) == "passed"
    assert word_of(replace(failed, verdict="met", journeys=())) == "measured"
    assert word_of(replace(failed, verdict="inconclusive")) == "inconclusive"
    assert word_of(all_met()) == "met"
    assert word_of(fault_hurt()) == "missed"


def test_ci_gets_the_answer_line_by_line_and_a_journey_that_decides_is_a_failure():
    text = markdown(failing_check())
    assert "\n  - Evidence: evidence/a.png.\n" in text

    document = junit(failing_check())
    assert '<failure message="1 of 1 runs were not ok; no objective says how many may be" type="failure">' in document
    assert "It fails since 1970-01-01 00:00:19 UTC" in document
