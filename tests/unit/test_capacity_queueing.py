"""M/M/c against published values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.capacity.queueing import erlang_b, erlang_c, mean_wait, servers_needed, waits_longer


@pytest.mark.parametrize(
    ("offered", "servers", "expected"),
    [
        (1.6, 2, 0.711111), (2, 3, 0.444444), (4, 5, 0.554113), (8, 10, 0.409180),
        (80, 85, 0.474832), (80, 90, 0.195137), (100, 110, 0.237008), (900, 930, 0.228000),
    ],
)  # fmt: skip
def test_erlang_c_is_as_published(offered, servers, expected):
    assert erlang_c(offered, servers) == pytest.approx(expected, abs=1e-6)


def test_the_mean_wait_is_as_published():
    # Gunther's PDQ example: 40 an hour, four minutes each, four servers; 1.13525 minutes
    assert mean_wait(40 / 3600, 1 / 240, 4) == pytest.approx(1.13525 * 60, rel=1e-5)
    # two a second, a second each, three servers: 1.4444 s in all
    assert mean_wait(2, 1, 3) + 1 == pytest.approx(1.4444, abs=1e-4)


def test_with_one_server_it_is_the_textbook_queue():
    assert erlang_c(0.8, 1) == pytest.approx(0.8)
    assert mean_wait(0.8, 1, 1) == pytest.approx(4)
    assert waits_longer(0.8, 1, 1, 0) == pytest.approx(0.8)


def test_square_root_staffing_is_too_optimistic_for_a_small_service():
    assert erlang_c(5, 9) == pytest.approx(0.0805, abs=1e-4)
    assert servers_needed(5, 1, waiting=0.05) == 10


def test_a_queue_that_is_offered_too_much_grows_without_end():
    assert erlang_c(3, 3) == 1
    assert mean_wait(3, 1, 3) is None
    assert waits_longer(3, 1, 2, 60) == 1


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at least"):
        erlang_b(1, 0)
    with pytest.raises(ValueError, match="above 0"):
        servers_needed(1, 1, waiting=0)


@settings(deadline=None)  # a busy machine is not a defect
@given(st.floats(0.01, 200), st.integers(1, 250))
def test_one_more_server_never_makes_more_wait(offered, servers):
    assert 0 <= erlang_c(offered, servers + 1) <= erlang_c(offered, servers) <= 1
