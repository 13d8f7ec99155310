"""Which visits come cold, and what becomes of idle connections."""

from random import Random

import pytest

from holdfast.load import pool as module
from holdfast.load.pool import ConnectionPool


class FakeConnection:
    def __init__(self):
        self.living = True
        self.closed = False

    def alive(self, now):
        return self.living

    def close(self):
        self.closed = True


@pytest.fixture
def monotonic(monkeypatch):
    at = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: at[0])
    return at


def pool(new_connections=0.0, **settings):
    return ConnectionPool(None, new_connections=new_connections, random=Random(7), **settings)


def test_every_visit_is_cold_unless_told_otherwise(monotonic):
    cold, connection = ConnectionPool(None), FakeConnection()
    cold.give_back(connection)
    assert (connection.closed, cold.kept(), cold.idle) == (True, None, 0)


def test_the_last_one_given_back_is_taken_first(monotonic):
    kept, first, second = pool(), FakeConnection(), FakeConnection()
    kept.give_back(first)
    kept.give_back(second)
    assert [kept.kept(), kept.kept(), kept.kept()] == [second, first, None]


def test_dead_ones_are_closed_and_passed_over(monotonic):
    kept, first, second = pool(), FakeConnection(), FakeConnection()
    kept.give_back(first)
    kept.give_back(second)
    second.living = False
    assert kept.kept() is first
    assert second.closed


def test_old_ones_go_with_all_that_are_older(monotonic):
    kept, connections = pool(idle_seconds=15.0), [FakeConnection() for _ in range(3)]
    for connection in connections:
        kept.give_back(connection)
    monotonic[0] += 16.0
    assert kept.kept() is None
    assert all(connection.closed for connection in connections)


def test_no_more_are_kept_than_allowed_and_the_oldest_goes(monotonic):
    kept, connections = pool(most_idle=2), [FakeConnection() for _ in range(3)]
    for connection in connections:
        kept.give_back(connection)
    assert [connection.closed for connection in connections] == [True, False, False]


def test_the_share_of_cold_visits_is_the_one_asked_and_the_same_for_a_seed(monotonic):
    def drawn():
        kept = pool(new_connections=0.3)
        kept.give_back(FakeConnection())
        found = []
        for _ in range(10_000):
            connection = kept.kept()
            found.append(connection is None)
            if connection is not None:
                kept.give_back(connection)
        return found

    first = drawn()
    assert first == drawn()
    assert 0.28 < sum(first) / len(first) < 0.32


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="0 to 1"):
        ConnectionPool(None, new_connections=share)
