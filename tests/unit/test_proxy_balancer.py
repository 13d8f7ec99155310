"""Which upstream is next, and when one is out: decisions without a network."""

import asyncio

import pytest

from holdfast.proxy.address import Address
from holdfast.proxy.balancer import Balancer, HealthCheck, parse_health, parse_upstreams
from holdfast.proxy.collection import LinkCollection
from holdfast.proxy.refusal import ApiError

ONE, TWO, THREE = (Address("127.0.0.1", port) for port in (1, 2, 3))
CHECK = HealthCheck("/healthz", failures=3, successes=2)


class Open:
    """A connection that remembers whether its upstream was taken away."""

    def __init__(self) -> None:
        self.ejected = False

    def upstream_ejected(self) -> None:
        self.ejected = True


def test_the_upstream_with_fewest_open_connections_is_tried_first():
    balancer = Balancer((ONE, TWO, THREE), CHECK)
    balancer.backends[0].connections |= {Open(), Open()}
    balancer.backends[2].connections |= {Open()}

    assert [backend.address for backend in balancer.candidates()] == [TWO, THREE, ONE]


def test_among_equals_the_one_that_served_least_is_tried_first():
    balancer = Balancer((ONE, TWO), CHECK)
    balancer.backends[0].served = 5

    assert balancer.candidates()[0].address == TWO


def test_without_failover_each_has_its_turn_whether_it_answers_or_not():
    balancer = Balancer((ONE, TWO), failover=False)
    tried = []
    for _ in range(6):
        (backend,) = balancer.candidates()
        tried.append(backend.address)
        if backend.address == ONE:
            backend.refused += 1
        else:
            backend.served += 1

    assert (tried.count(ONE), tried.count(TWO)) == (3, 3)


def test_failures_in_a_row_eject_an_upstream_and_take_its_connections_away():
    balancer = Balancer((ONE, TWO), CHECK)
    backend = balancer.backends[0]
    connection = Open()
    backend.connections.add(connection)

    assert [balancer.report(backend, success=False) for _ in range(3)] == [False, False, True]
    assert not backend.healthy
    assert connection.ejected
    assert [candidate.address for candidate in balancer.candidates()] == [TWO]


def test_a_success_in_between_starts_the_count_again():
    balancer = Balancer((ONE, TWO), CHECK)
    backend = balancer.backends[0]

    for success in (False, False, True, False, False):
        balancer.report(backend, success)

    assert backend.healthy


def test_successes_in_a_row_take_an_upstream_back():
    balancer = Balancer((ONE, TWO), CHECK)
    backend = balancer.backends[0]
    for _ in range(3):
        balancer.report(backend, success=False)

    assert [balancer.report(backend, success=True) for _ in range(2)] == [False, True]
    assert backend.healthy
    assert backend.ejections == 1


def test_with_no_healthy_upstream_all_are_tried():
    balancer = Balancer((ONE, TWO), CHECK)
    for backend in balancer.backends:
        for _ in range(3):
            balancer.report(backend, success=False)

    assert len(balancer.candidates()) == 2


def test_without_a_health_check_nothing_is_ever_ejected():
    balancer = Balancer((ONE,))

    assert not any(balancer.report(balancer.backends[0], success=False) for _ in range(100))
    assert balancer.candidates() == [balancer.backends[0]]


def test_a_health_check_has_defaults_beside_its_path():
    assert parse_health({"path": "/healthz", "every": 0.2}) == HealthCheck("/healthz", every=0.2)
    assert parse_health(None) is None


@pytest.mark.parametrize(
    "health",
    [
        [],
        {},
        {"path": "healthz"},
        {"path": "/a b"},
        {"path": "/a\r\nX: y"},
        {"path": "/", "every": 0},
        {"path": "/", "timeout": "1"},
        {"path": "/", "failures": 0},
        {"path": "/", "failures": 0.5},
        {"path": "/", "interval": 1},
    ],
)
def test_a_health_check_that_cannot_be_done_is_refused(health):
    with pytest.raises(ApiError) as refused:
        parse_health(health)

    assert refused.value.status == 400


def test_upstreams_must_be_a_list_of_addresses():
    assert parse_upstreams(["127.0.0.1:1"]) == (ONE,)
    for wrong in (None, [], "127.0.0.1:1", ["127.0.0.1"]):
        with pytest.raises(ApiError):
            parse_upstreams(wrong)


def test_a_link_without_failover_stays_without_when_its_upstream_is_changed():
    async def changed() -> Balancer:
        links = LinkCollection(1, lambda: 0.0)
        link = await links.create_balancer(
            {"name": "edge", "upstreams": ["127.0.0.1:1", "127.0.0.1:2"], "failover": False, "enabled": False}
        )
        await links.update(link, {"upstream": "127.0.0.1:3", "enabled": False})
        return link.balancer

    balancer = asyncio.run(changed())
    assert (balancer.addresses, balancer.failover) == ((THREE,), False)
