"""The live line: what was due lately and what ended so far, of a slow target too."""

import pytest

from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Gauge, RunStore
from holdfast.run.pace import PaceKeeper

ZERO = 1_772_355_000.0


@pytest.mark.parametrize("takes", [0.1, 8.0, 25.0])
def test_ten_a_second_are_told_however_long_each_takes(tmp_path, takes):
    keeper, recorder = PaceKeeper(ZERO), Recorder("load")
    due = [ZERO + number / 10 for number in range(400)]
    with RunStore.create(tmp_path / "run.db") as store:
        for second in range(1, 31):
            now = ZERO + second
            for at in (at for at in due if now - 1 <= at + takes < now):
                recorder.add("slow", at, "ok" if at < ZERO + 2 else "failed", takes)
                recorder.add("slow/step", at, "ok", takes)
            in_flight = sum(at < now <= at + takes for at in due)
            store.write(fold("load", recorder.take()))
            store.write_gauges([Gauge(now, "generator", "in_flight", in_flight)])
            pace = keeper.look(store, now + 0.3)
            assert pace.rate == pytest.approx(10.0, abs=0.5)
            assert pace.in_flight == in_flight
    ended = sum(at + takes < ZERO + 30 for at in due)
    assert (pace.ok, pace.bad) == (20, ended - 20)
    assert pace.p95 == pytest.approx(takes, rel=0.004)


def test_before_anything_was_told_there_is_nothing_to_say(tmp_path):
    with RunStore.create(tmp_path / "run.db") as store:
        pace = PaceKeeper(ZERO).look(store, ZERO + 1)
    assert (pace.rate, pace.ok, pace.bad, pace.p95, pace.in_flight) == (0.0, 0, 0, None, None)
