from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.pressure import (
    Counters,
    Machine,
    Throttling,
    cpu_stat_paths,
    pressure,
    steal_of,
    throttling_of,
)

STAT = "cpu  100 0 50 800 10 0 5 35 7 0\ncpu0 100 0 50 800 10 0 5 35 7 0\nintr 1\n"
V2 = "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 400\nnr_throttled 20\nthrottled_usec 1500000\n"
V1 = "nr_periods 400\nnr_throttled 20\nthrottled_time 1500000000\n"


def test_stolen_ticks_are_a_part_of_all_ticks_and_guests_are_not_counted_twice():
    assert steal_of(STAT) == (1000, 35)


def test_both_versions_of_control_groups_tell_the_same():
    assert throttling_of(V2) == throttling_of(V1) == Throttling(400, 20, 1.5)


@pytest.mark.parametrize("text", ["", "usage_usec 9\n", "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"])
def test_without_a_quota_there_is_no_throttling_to_tell(text):
    assert throttling_of(text) is None


@given(st.text())
def test_no_text_whatever_breaks_the_readers(text):
    ticks, stolen = steal_of(text)
    assert (ticks is None) is (stolen is None)
    throttled = throttling_of(text)
    assert throttled is None or (throttled.periods > 0 and throttled.throttled >= 0 and throttled.seconds >= 0)
    assert {path.name for path in cpu_stat_paths(text)} <= {"cpu.stat"}


def test_a_quota_of_any_group_above_is_looked_for():
    v2 = cpu_stat_paths("0::/user.slice/app.scope\n", Path("/cg"))
    assert v2[:3] == [Path("/cg/user.slice/app.scope/cpu.stat"), Path("/cg/user.slice/cpu.stat"), Path("/cg/cpu.stat")]
    v1 = cpu_stat_paths("4:cpu,cpuacct:/docker/ab\n3:memory:/docker/ab\n", Path("/cg"))
    assert Path("/cg/cpu,cpuacct/docker/ab/cpu.stat") in v1
    assert Path("/cg/cpu/cpu.stat") in v1
    assert not [path for path in v1 if "memory" in path.parts]


def test_pressure_is_what_grew_between_two_looks():
    before, after = (
        Counters(1000, 35, Throttling(400, 20, 1.5)),
        Counters(1200, 55, Throttling(410, 25, 1.9)),
    )
    assert pressure(before, after) == {
        "steal": pytest.approx(0.1),
        "throttled": pytest.approx(0.5),
        "throttled_seconds": pytest.approx(0.4),
    }


def test_what_cannot_be_known_is_left_out():
    assert pressure(Counters(None, None, None), Counters(None, None, None)) == {}
    assert pressure(Counters(5, 0, None), Counters(5, 0, None)) == {}  # no tick passed
    assert pressure(Counters(None, None, Throttling(4, 2, 1.0)), Counters(None, None, Throttling(4, 2, 1.0))) == {
        "throttled": 0.0,
        "throttled_seconds": 0.0,
    }


def test_processes_on_the_same_cores_know_each_other_by_a_number():
    found = Machine().shared()
    assert found == Machine().shared()
    assert found["cores"] >= 1
    assert found["machine"] == int(found["machine"])


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_shares_are_between_0_and_1_also_where_counters_run_backwards(ticks, stolen, periods, throttled):
    before = Counters(10**6, 10**3, Throttling(10, 5, 1.0))
    after = Counters(max(ticks, stolen), stolen, Throttling(periods, throttled, 0.5))
    found = pressure(before, after)
    assert 0 <= found["throttled"] <= 1
    assert found.get("steal", 0.0) >= 0


def test_this_machine_can_be_looked_at():
    machine = Machine()
    counters = machine.look()
    assert counters.ticks is None or counters.ticks > 0
    descriptors = machine.descriptors()
    assert descriptors is None or 0 < descriptors < 1
