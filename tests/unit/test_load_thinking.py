"""How long visitors think, and what that time is part of: nothing."""

import math
from random import Random
from statistics import fmean, stdev

import pytest
from tests.unit.test_load_scenario import GOOD
from tests.unit.test_load_visit import FakeClock, exchange

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.load.origin import Origin
from holdfast.load.scenario import check_scenario
from holdfast.load.thinking import SPREADS, drawn, mean_of
from holdfast.load.visit import Ground, Visit
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder, fold


@pytest.mark.parametrize(
    ("spread", "relative", "least", "most"),
    [
        ("constant", 0.0, 1.0, 1.0),
        ("uniform", 1 / math.sqrt(12), 0.5, 1.5),
        ("exponential", 1.0, 0.0, math.inf),
        ("lognormal", math.sqrt(math.exp(0.36) - 1), 0.0, math.inf),
    ],
)
def test_each_spread_has_its_mean_and_its_width(spread, relative, least, most):
    random = Random(7)
    found = [drawn(3.0, spread, random) / 3.0 for _ in range(40_000)]
    assert fmean(found) == pytest.approx(1.0, abs=0.02)
    assert stdev(found) == pytest.approx(relative, abs=0.03)
    assert least <= min(found) <= max(found) <= most
    assert min(found) >= 0


@pytest.mark.parametrize(("mean", "seconds"), [("3s", 3.0), ("400ms", 0.4), ("1.5m", 90.0), (2, 2.0), (0.5, 0.5)])
def test_a_mean_is_a_duration_or_seconds(mean, seconds):
    assert mean_of(mean) == seconds


@pytest.mark.parametrize("mean", ["3", "soon", "-1s", "0s", 0, -2.0, math.nan, math.inf])
def test_what_is_no_time_to_think_is_refused(mean):
    with pytest.raises(ValueError, match="is not a"):
        mean_of(mean)
    with pytest.raises(ValueError, match=f"is not a spread: {', '.join(SPREADS)}"):
        drawn(1.0, "gaussian", Random(1))


def ground(clock, recorder=None, seed="7"):
    return Ground(
        dialer=Dialer(Origin.of("http://127.0.0.1:9")),
        clock=clock,
        accounts=AccountPool([], clock),
        inbox=None,
        make_service=lambda *_: None,
        marker="",
        recorder=recorder,
        fire=lambda **_: None,
        note_error=lambda *_: None,
        choices=Random(1),
        thoughts=seed,
    )


def test_the_time_in_which_a_visitor_thinks_is_part_of_no_duration():
    clock, recorder = FakeClock(100.0), Recorder("load")
    visit = Visit(ground(clock, recorder), "buy", generated_account(1), due=99.5, lag=0.5)
    visit.think("10s", "constant")
    with visit.step("look"):
        clock.at += 1.0
        visit._observe(exchange(duration=1.0))
    visit.think("20s", "constant")
    with visit.step("send"):
        clock.at += 2.0
        visit._observe(exchange(duration=2.0))
    visit.think("30s", "constant")
    assert clock.at == 163.0
    visit.end()
    found = {
        i.name: (i.slowest, i.lag.quantile(1.0) if i.lag else 0.0) for i in fold("load", recorder.take()).intervals
    }
    assert found["buy"] == (pytest.approx(3.5), pytest.approx(0.5, rel=0.005))
    assert found["buy/look"][0] == pytest.approx(1.5)
    assert found["buy/send"][0] == pytest.approx(2.0)


def test_the_runs_seed_draws_it_visit_by_visit_whoever_thinks_first():
    def thoughts(order, seed):
        clock = FakeClock(100.0)
        shared = ground(clock, seed=seed)
        visits = [Visit(shared, "buy", generated_account(1), due=100.0) for _ in range(3)]
        found = {}
        for number in order:
            before = clock.at
            visits[number].think("3s")
            found.setdefault(number, []).append(round(clock.at - before, 6))
        return found

    assert thoughts([0, 1, 2, 0, 1, 2], "7") == thoughts([2, 2, 1, 0, 1, 0], "7")
    assert thoughts([0, 1, 2], "7") != thoughts([0, 1, 2], "8")
    assert len({tuple(times) for times in thoughts([0, 1, 2], "7").values()}) == 3


def test_nobody_thinks_in_a_step():
    clock = FakeClock(100.0)
    visit = Visit(ground(clock), "buy", generated_account(1), due=100.0)
    with (
        pytest.raises(RuntimeError, match="think in step 'look': a visitor's pause is no part of a step"),
        visit.step("look"),
    ):
        visit.think("3s")
    assert clock.at == 100.0


def test_a_visit_that_is_cut_off_while_its_visitor_thinks_waits_for_nobody():
    clock, recorder = FakeClock(100.0), Recorder("load")
    visit = Visit(ground(clock, recorder), "buy", generated_account(1), due=100.0)
    with visit.step("look"):
        clock.at += 1.0

    def sleep(seconds):
        clock.at += 4.0
        assert visit.age == pytest.approx(1.0)
        visit.cut_off()

    clock.sleep = sleep
    visit.think("60s", "constant")
    visit.end()
    found = {(i.name, i.outcome): i.slowest for i in fold("load", recorder.take()).intervals}
    assert found["buy", "thinking"] == pytest.approx(1.0)
    assert ("buy", "ok") not in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('            self.think("3s")\n', "a visitor thinks between steps"),
        ('        self.think("soon")\n', "'soon' is not a duration"),
        ('        self.think("0s")\n', "'0s' is not a time to think"),
        ('        self.think("3s", "gaussian")\n', "'gaussian' is not a spread"),
    ],
)
def test_what_is_wrong_with_a_thought_is_said_with_its_line_before_anything_starts(tmp_path, line, said):
    path = tmp_path / "looks_in.py"
    step = '        with self.step("sign_in"):\n'
    path.write_text(GOOD.replace(step, step + line if line.startswith(" " * 12) else line + step, 1))
    (problem,) = check_scenario(path)
    assert problem.where.endswith(":9" if line.startswith(" " * 12) else ":8")
    assert problem.what.startswith(said)


@pytest.mark.parametrize(
    "line", ['self.think("3s")', 'self.think("3s", "uniform")', "self.think(2.5)", "self.think(self.mean)"]
)
def test_a_thought_between_steps_is_fine(tmp_path, line):
    path = tmp_path / "looks_in.py"
    path.write_text(
        GOOD.replace('        with self.step("sign_out")', f'        {line}\n        with self.step("sign_out")')
    )
    assert check_scenario(path) == []
