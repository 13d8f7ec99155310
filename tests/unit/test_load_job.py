import pytest

from holdfast.errors import InputError
from holdfast.load.arrivals import RateStage
from holdfast.load.job import ClosedLoad, Hold, Job, OpenLoad

OPEN = {
    "arrivals": "uniform",
    "stages": [{"from": 0, "to": 40, "seconds": 10}],
    "mix": {"sign_in": 2},
    "at_most": 50,
    "virtual_users": None,
    "think_time": None,
}


def message(*profiles, **changes):
    loads = [
        {"profile": {**OPEN, **profile}, "name": f"p{index}", "scale": 0.5, "start": 5, "end": 25}
        for index, profile in enumerate(profiles)
    ]
    return {
        "anchor": 0.0,
        "run_db": "/r/run.db",
        "run_folder": "/r",
        "seed": 7,
        "target": {"url": "http://127.0.0.1:1", "accounts": {"generated": 10}, "adapter": "adapters/acme.py"},
        "workspace": "/w",
        "duration": 30,
        "load": loads,
        "scenarios": {"sign_in": "/w/scenarios/sign_in.py"},
        "accounts": {"first": 0, "count": 10},
        **changes,
    }


def test_an_open_profile_is_scaled_and_fitted_to_its_time():
    (load,) = Job.of(message({})).loads
    assert isinstance(load, OpenLoad)
    assert load.stages == (RateStage(0.0, 20.0, 10.0), RateStage(20.0, 20.0, 10.0))


def test_virtual_users_make_a_closed_model():
    (load,) = Job.of(message({"stages": [], "virtual_users": 9, "think_time": 2})).loads
    assert isinstance(load, ClosedLoad)
    assert (load.virtual_users, load.think_time, load.start, load.end) == (4, 2.0, 5.0, 25.0)


def test_every_load_gets_its_own_seed_and_the_seats_add_up():
    job = Job.of(message({}, {"at_most": 3}))
    assert job.visitors == 53
    assert len({load.seed for load in job.loads}) == 2


def test_a_scenario_that_is_not_there_is_wrong_input():
    with pytest.raises(InputError, match='there is no scenario "gone"'):
        Job.of(message({"mix": {"gone": 1}}))


def test_the_adapter_is_found_in_the_workspace():
    assert str(Job.of(message({})).target.adapter) == "/w/adapters/acme.py"


def test_an_adaptive_child_has_seats_and_no_load():
    job = Job.of(message(adaptive=True, at_most=120))
    assert (job.adaptive, job.visitors, job.loads) == (True, 120, ())


def test_a_hold_is_one_flat_stage():
    hold = Hold.of({"name": "1: 30/s", "rate": 30, "start": 1e9, "seconds": 5, "mix": {"sign_in": 1}}, 7, 120)
    assert hold.load.stages == (RateStage(30.0, 30.0, 5.0),)
    assert (hold.load.at_most, hold.load.spacing, hold.load.stratum, hold.start) == (120, "stratified", 30, 1e9)


def test_stages_and_virtual_users_are_two_loads_side_by_side():
    open_load, closed = Job.of(message({"virtual_users": 9, "think_time": 2})).loads
    assert isinstance(open_load, OpenLoad)
    assert isinstance(closed, ClosedLoad)
    assert open_load.mix == closed.mix
    assert open_load.seed != closed.seed


def test_connections_and_accounts_are_told_to_both_models():
    asked = {"virtual_users": 9, "new_connections": 0.25, "accounts": "shared"}
    for load in Job.of(message(asked)).loads:
        assert (load.new_connections, load.shared_accounts) == (0.25, True)
    assert [(load.new_connections, load.shared_accounts) for load in Job.of(message({})).loads] == [(1.0, False)]


def test_workers_divide_a_job_so_that_it_sums_up_exactly():
    jobs = [Job.of(message({"virtual_users": 9}, stripe={"index": k, "of": 3})) for k in range(3)]
    assert [job.stripe.index for job in jobs] == [0, 1, 2]
    assert sum(job.loads[0].at_most for job in jobs) == 50
    assert sum(job.loads[1].virtual_users for job in jobs) == 4
    assert len({job.loads[1].seed for job in jobs}) == 3
    whole = list(Job.of(message({})).loads[0].arrivals())
    together = [arrival for job in jobs for arrival in job.loads[0].arrivals()]
    assert sorted(together, key=lambda arrival: arrival.offset) == whole


def test_a_worker_without_a_virtual_user_has_no_closed_load():
    asked = {"stages": [], "virtual_users": 2}
    assert [len(Job.of(message(asked, stripe={"index": k, "of": 2})).loads) for k in (0, 1)] == [1, 0]


def test_fewer_visitors_than_workers_are_wrong_input():
    with pytest.raises(InputError, match="cannot be divided among 60 workers"):
        Job.of(message({}, stripe={"index": 0, "of": 60}))
    with pytest.raises(InputError, match="does not exist"):
        Job.of(message({}, stripe={"index": 2, "of": 2}))
