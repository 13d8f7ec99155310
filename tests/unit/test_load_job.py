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
