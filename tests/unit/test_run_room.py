"""Whether a run's record fits: what it takes is estimated, and looked for before anything starts."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from holdfast.errors import InputError
from holdfast.run.asked import read_asked
from holdfast.run.engine import run
from holdfast.run.folder import RunFolder
from holdfast.run.preparation import prepare
from holdfast.run.room import free_bytes, look_for_room, needed_bytes, room_for, size_text
from holdfast.workspace.workspace import find_workspace, load_profile

ROOT = Path(__file__).resolve().parents[2]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def prepared(tmp_path):
    found = prepare(find_workspace(ROOT), "smoke", may_ask=False)
    return replace(found, workspace=replace(found.workspace, root=tmp_path))


def free(monkeypatch, number):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - number, number))


def test_a_run_that_plainly_cannot_fit_does_not_start_and_leaves_nothing(prepared, monkeypatch, tmp_path):
    free(monkeypatch, needed_bytes(prepared) - 1)
    with pytest.raises(InputError) as refused:
        next(run(prepared))
    (problem,) = refused.value.problems
    assert refused.value.exit_code == 2
    assert "too little room" in problem.what
    assert "holdfast runs --keep" in problem.fix
    assert not (tmp_path / "runs").exists()


def test_little_room_is_a_warning_and_enough_is_none(prepared, monkeypatch):
    free(monkeypatch, 2 * needed_bytes(prepared))
    assert "little room" in look_for_room(prepared)
    free(monkeypatch, 10 * needed_bytes(prepared))
    assert look_for_room(prepared) is None


def test_a_longer_run_takes_more_and_a_faster_one_hardly(prepared):
    def with_load(scale=1.0, times=1.0):
        load = tuple(replace(one, scale=one.scale * scale, end=one.end * times) for one in prepared.load)
        phases = tuple(replace(one, start=one.start * times, end=one.end * times) for one in prepared.phases)
        return needed_bytes(replace(prepared, load=load, phases=phases))

    hour = with_load(times=3600 / prepared.phases[-1].end)
    assert with_load() < hour < 500_000_000
    assert with_load(scale=100.0, times=60.0) < 10 * with_load(times=60.0)


@pytest.mark.parametrize("name", ["fault_hurt", "sized", "starved_generator"])
def test_what_a_recorded_run_took_is_less_than_what_it_would_be_given(prepared, name):
    asked = read_asked(RunFolder(ROOT / "tests/data/runs" / name))
    taken = (ROOT / "tests/data/runs" / name / "run.db").stat().st_size
    same = replace(
        prepared, phases=asked.phases, load=asked.load, scenario_steps=asked.scenarios, journeys=(),
        capacity=asked.capacity, capacity_profile=prepared_profile() if asked.capacity else None,
    )  # fmt: skip
    without = replace(same, phases=(), load=(), capacity=None)
    assert taken < needed_bytes(same) - needed_bytes(without) + 200_000
    assert needed_bytes(same) - needed_bytes(without) < 100 * taken


def test_load_and_journeys_take_room_and_users_without_a_pace_as_much_as_there_are_series(prepared):
    def needed(**changed):
        return needed_bytes(replace(prepared, journeys=(), **changed))

    (load,) = prepared.load
    seconds = load.end - load.start
    none = needed(load=())
    paced = needed(load=(replace(load, scale=1e-6),))
    users = needed(load=(replace(load, scale=1e-6, profile={**load.profile, "virtual_users": 5}),))

    assert none <= paced < none + 100 * seconds
    assert users > none + 500 * seconds
    assert needed() > none + 500 * seconds
    walked = prepare(find_workspace(ROOT), "ci", may_ask=False).journeys
    assert needed_bytes(replace(prepared, journeys=walked)) >= needed() + 1_000_000 * len(walked) > needed()


def test_a_search_takes_room_by_its_time_and_by_what_it_sends(prepared):
    question = read_asked(RunFolder(ROOT / "tests/data/runs/sized")).capacity
    seconds = question.search.most_probes * (question.settle + question.hold)
    silent = replace(prepared, capacity=question)
    searching = replace(silent, capacity_profile=prepared_profile())

    assert needed_bytes(silent) > needed_bytes(prepared) + 1_000 * seconds
    assert needed_bytes(searching) > needed_bytes(silent) + 1_000 * seconds


def prepared_profile():
    return load_profile(find_workspace(ROOT), "business_hours")[0]


def test_a_folder_that_is_not_there_yet_has_the_room_of_the_one_above(tmp_path):
    assert free_bytes(tmp_path / "a/b/c") == pytest.approx(free_bytes(tmp_path), rel=0.2)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 kB"), (200_900, "200 kB"), (12_900_000, "12 MB"), (3_400_000_000, "3.4 GB")]
)
def test_sizes_read_as_people_say_them(number, text):
    assert size_text(number) == text


def test_the_sentence_names_the_folder_and_both_figures(prepared, monkeypatch):
    free(monkeypatch, 9_000_000)
    assert "9 MB free in" in room_for(prepared).sentence
