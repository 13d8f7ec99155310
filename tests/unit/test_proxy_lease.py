"""Leases on a clock that stands still until it is told otherwise."""

import pytest

from holdfast.proxy.lease import LeaseBook, parse_lease
from holdfast.proxy.refusal import ApiError


class Hands:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


SLOW = (("postgres", "slow"),)


def test_a_lease_that_is_not_renewed_expires_once():
    clock = Hands()
    book = LeaseBook(clock)
    book.renew("run-1", 10.0, SLOW)

    clock.now += 9.9
    assert book.take_expired() == []
    clock.now += 0.1
    (lease,) = book.take_expired()
    assert (lease.id, lease.toxics) == ("run-1", SLOW)
    assert book.take_expired() == []
    assert book.as_json() == {"leases": {}, "expired": ["run-1"]}


def test_a_renewed_lease_counts_from_its_renewal():
    clock = Hands()
    book = LeaseBook(clock)
    book.renew("run-1", 10.0, SLOW)
    clock.now += 9.0
    book.renew("run-1", 10.0, SLOW)

    clock.now += 9.0

    assert book.take_expired() == []
    assert book.as_json()["leases"] == {"run-1": {"remaining": 1.0, "toxics": [["postgres", "slow"]], "enable": []}}


def test_a_renewal_says_anew_what_the_lease_covers():
    clock = Hands()
    book = LeaseBook(clock)
    book.renew("run-1", 10.0, SLOW)
    book.renew("run-1", 10.0, (), enable=("valkey",))
    clock.now += 10.0

    (lease,) = book.take_expired()

    assert (lease.toxics, lease.enable) == ((), ("valkey",))


def test_a_released_lease_never_expires():
    clock = Hands()
    book = LeaseBook(clock)
    book.renew("run-1", 10.0, SLOW)

    assert book.release("run-1")
    assert not book.release("run-1")
    clock.now += 1000.0
    assert book.take_expired() == []


def test_leases_that_expired_together_come_oldest_first():
    clock = Hands()
    book = LeaseBook(clock)
    book.renew("later", 2.0, SLOW)
    book.renew("sooner", 1.0, SLOW)
    clock.now += 5.0

    assert [lease.id for lease in book.take_expired()] == ["sooner", "later"]


def test_a_lease_is_read():
    body = {"seconds": 2, "toxics": [["postgres", "slow"]], "enable": ["valkey"]}

    assert parse_lease(body) == (2.0, SLOW, ("valkey",))


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"seconds": "5"},
        {"seconds": True},
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": 1e9},
        {"seconds": float("inf")},
        {"seconds": 5, "toxics": ["postgres"]},
        {"seconds": 5, "toxics": [["postgres"]]},
        {"seconds": 5, "toxics": [["postgres", 1]]},
        {"seconds": 5, "enable": [1]},
        {"seconds": 5, "enable": "valkey"},
    ],
)
def test_a_lease_that_says_nothing_sensible_is_refused(body):
    with pytest.raises(ApiError) as refused:
        parse_lease(body)

    assert refused.value.status == 400
