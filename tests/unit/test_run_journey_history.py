"""Since when a journey fails: from the runs that are there, of the same target."""

import json

from holdfast.run.journey_history import JourneyHistory, histories


def write(runs, name, *walks, target="reference", zero=1000.0):
    folder = runs / name
    folder.mkdir(parents=True)
    told = [{"name": "sign_in", "at": at, "outcome": outcome, "duration": 1.0} for at, outcome in walks]
    run = {"target": target, "time_zero": zero}
    summary = {"run": run, "journeys": [{"name": "sign_in"}], "timeline": {"journeys": told}}
    (folder / "summary.json").write_text(json.dumps(summary))


def history_in(runs, before="9"):
    (found,) = histories(runs, ["sign_in"], "reference", before)
    return found


def test_it_fails_since_the_first_failure_after_the_last_walk_that_passed(tmp_path):
    write(tmp_path, "1-check", (1.0, "failed"))
    write(tmp_path, "2-check", (1.0, "ok"), (5.0, "ok"), (9.0, "failed"), zero=2000.0)
    write(tmp_path, "3-check", (1.0, "timed_out"), zero=3000.0)

    assert history_in(tmp_path) == JourneyHistory("sign_in", 2009.0, 2005.0, "2-check", 3)


def test_one_that_never_passed_fails_since_its_first_walk_and_one_that_passes_since_never(tmp_path):
    write(tmp_path, "1-check", (1.0, "failed"), (2.0, "failed"))
    assert history_in(tmp_path) == JourneyHistory("sign_in", 1001.0, None, "", 1)

    write(tmp_path, "2-check", (1.0, "ok"), zero=2000.0)
    assert history_in(tmp_path) == JourneyHistory("sign_in", None, 2001.0, "2-check", 2)


def test_runs_of_another_target_later_ones_and_broken_ones_do_not_count(tmp_path):
    write(tmp_path, "1-check", (1.0, "ok"), target="staging (https://x.test)")
    write(tmp_path, "5-check", (1.0, "ok"))
    (tmp_path / "2-check").mkdir()
    (tmp_path / "2-check/summary.json").write_text("{")
    (tmp_path / "3-check").mkdir()
    (tmp_path / "3-check/summary.json").write_text('{"journeys": 3, "run": []}')

    assert history_in(tmp_path, before="4") == JourneyHistory("sign_in", None, None, "", 0)


def test_a_walk_that_was_cut_off_by_us_is_no_failure(tmp_path):
    write(tmp_path, "1-check", (1.0, "ok"))
    write(tmp_path, "2-check", (1.0, "unfinished"), zero=2000.0)

    assert history_in(tmp_path).failing_since is None


def test_without_any_run_nothing_is_known(tmp_path):
    assert history_in(tmp_path / "none") == JourneyHistory("sign_in", None, None, "", 0)
