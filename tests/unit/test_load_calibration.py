import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.calibration import (
    FILE_NAME,
    Calibration,
    Ceiling,
    Held,
    Machine,
    ceiling_of,
    least_failed,
    most_kept,
    next_rate,
    read_calibration,
    this_machine,
    write_calibration,
)

HERE = Machine("A CPU", 4, "3.11.9", "0.1.0", "2.47.0")
MEASURED = Calibration(HERE, 8000.0, 18_000.0, 1_700_000_000.0, ("a note",))


def test_what_was_written_is_read_again(tmp_path):
    path = write_calibration(MEASURED, tmp_path / "new")
    assert read_calibration(path) == MEASURED
    assert ceiling_of(tmp_path / "new", HERE) == Ceiling(8000.0, 18_000.0, "calibrated on 2023-11-14")


def test_without_one_nothing_is_known(tmp_path):
    assert ceiling_of(tmp_path, HERE) == Ceiling()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cpu": "Another"}, "another machine's"),
        ({"cores": 2}, "another machine's"),
        ({"python": "3.12.1"}, "another version of python"),
        ({"locust": "2.48.0", "holdfast": "0.2.0"}, "another version of holdfast, locust"),
    ],
)
def test_a_foreign_or_stale_one_is_said_and_not_used(tmp_path, change, said):
    write_calibration(MEASURED, tmp_path)
    found = ceiling_of(tmp_path, replace(HERE, **change))
    assert (found.visits, found.requests) == (None, None)
    assert said in found.note
    assert "--calibrate" in found.note


@pytest.mark.parametrize(
    "change",
    [{"visits": 0}, {"requests": -1}, {"visits": "x"}, {"machine": 3}, {"schema": "v2"}, {"measured_at": 1e300}],
)
def test_one_that_does_not_fit_is_not_used(tmp_path, change):
    (tmp_path / FILE_NAME).write_text(json.dumps(asdict(MEASURED) | change))
    assert read_calibration(tmp_path / FILE_NAME) is None
    assert "cannot be read" in ceiling_of(tmp_path, HERE).note


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*asdict(MEASURED)]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_file_whatever_breaks_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("calibration") / FILE_NAME
    path.write_bytes(content)
    assert read_calibration(path) is None


def test_this_machine_is_known_by_its_parts():
    machine = this_machine()
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.locust


@given(st.floats(min_value=250, max_value=200_000), st.floats(min_value=1, max_value=10))
def test_the_search_ends_close_below_what_the_machine_can_do(truth, drops_above):
    tried: list[Held] = []
    while (rate := next_rate(tried)) is not None:
        tried.append(Held(rate, rate <= truth, dropped=rate > truth * drops_above))
        assert len(tried) < 40
    assert most_kept(tried) <= truth < (least_failed(tried) or 0)
    assert (least_failed(tried) or 0) / most_kept(tried) <= 1.16


@given(st.sets(st.sampled_from([250.0, 500.0, 1000.0, 2000.0, 4000.0]), max_size=2))
def test_two_rates_that_lag_on_an_uneasy_machine_do_not_hide_what_it_can_do(uneasy):
    tried: list[Held] = []
    while (rate := next_rate(tried)) is not None:
        tried.append(Held(rate, rate <= 8000 and rate not in uneasy, dropped=rate > 8000))
    assert most_kept(tried) == 8000


def test_a_rate_that_failed_is_tried_again_and_a_hiccup_does_not_count():
    lagged, held = Held(250.0, kept=False), Held(250.0, kept=True)
    assert next_rate([lagged]) == 250.0
    assert next_rate([lagged, held]) == 500.0
    assert next_rate([lagged, lagged]) == 500.0
    assert next_rate([Held(250.0, kept=False, dropped=True)] * 2) is None
