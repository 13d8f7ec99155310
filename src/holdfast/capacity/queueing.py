"""Waiting in a queue with c servers (M/M/c): arrival rate, service rate and servers in, probabilities and waits out.

Source: Erlang (1917); the recursion as in any queueing text, free of the factorials that overflow. Rates per second,
times in seconds. Square-root staffing is too optimistic for small services (a = 5, 9 servers: P(wait) 0.0805, not
0.05), so the exact formula is used throughout.
"""

import math


def erlang_b(offered: float, servers: int) -> float:
    """The share of arrivals that find all servers busy where none may wait. `offered`: arrival rate / service rate."""
    if offered < 0 or servers < 1:
        raise ValueError(f"offered load {offered} and servers {servers}: at least 0 and 1")
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """The share of arrivals that have to wait; 1 when more is offered than the servers can take."""
    blocked = erlang_b(offered, servers)
    if offered >= servers:
        return 1.0
    busy = offered / servers
    return blocked / (1 - busy + busy * blocked)


def mean_wait(arrival_rate: float, service_rate: float, servers: int) -> float | None:
    """Seconds an arrival waits on average; None when the queue grows without end."""
    spare = servers * service_rate - arrival_rate
    return erlang_c(arrival_rate / service_rate, servers) / spare if spare > 0 else None


def waits_longer(arrival_rate: float, service_rate: float, servers: int, seconds: float) -> float:
    """The share of arrivals that wait longer than `seconds`; 1 when the queue grows without end."""
    spare = servers * service_rate - arrival_rate
    if spare <= 0:
        return 1.0
    return erlang_c(arrival_rate / service_rate, servers) * math.exp(-spare * seconds)


def servers_needed(arrival_rate: float, service_rate: float, waiting: float, seconds: float = 0.0) -> int:
    """The fewest servers with which at most the share `waiting` of arrivals waits longer than `seconds`."""
    if not 0 < waiting < 1:
        raise ValueError(f"the share that may wait is above 0 and below 1, not {waiting}")
    servers = math.floor(arrival_rate / service_rate) + 1
    while waits_longer(arrival_rate, service_rate, servers, seconds) > waiting:
        servers += 1
    return servers
