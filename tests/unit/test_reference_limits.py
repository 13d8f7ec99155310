"""What limits count while Valkey is away: windows per key, on a fake clock; and that a limit never fails open."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from holdfast.reference.cache import CacheUnavailableError
from holdfast.reference.limits import Limit, LocalCounter
from holdfast.reference.refusal import Refusal


@dataclass
class Clock:
    at: float = 0.0

    def __call__(self) -> float:
        return self.at


class AbsentCache:
    async def count(self, key: str, seconds: float) -> tuple[int, float]:
        raise CacheUnavailableError

    async def counted(self, key: str) -> tuple[int, float]:
        raise CacheUnavailableError


def _limit(clock: Clock, most: int) -> Limit:
    cache: Any = AbsentCache()
    return Limit("sign-in", "failed sign-ins", most, cache, LocalCounter(clock))


def test_each_key_is_counted_by_itself() -> None:
    counter = LocalCounter(Clock())
    counter.count("a")
    counter.count("a")

    assert counter.count("b") == (1, 60.0)
    assert counter.counted("a") == (2, 60.0)


def test_a_window_opens_with_the_first_count_and_ends_a_minute_later() -> None:
    clock = Clock()
    counter = LocalCounter(clock)
    counter.count("a")
    clock.at = 59.0
    assert counter.count("a") == (2, 1.0)
    clock.at = 60.0
    assert counter.counted("a") == (0, 0.0)
    assert counter.count("a") == (1, 60.0)


def test_a_key_that_was_never_counted_has_no_window() -> None:
    assert LocalCounter(Clock()).counted("a") == (0, 0.0)


def test_a_limit_holds_while_the_cache_is_away_and_says_how_long_to_wait() -> None:
    clock = Clock()
    limit = _limit(clock, most=2)

    async def fail_twice_then_check() -> None:
        await limit.count("a")
        await limit.check("a")
        await limit.count("a")
        clock.at = 20.0
        await limit.check("a")

    with pytest.raises(Refusal) as refused:
        asyncio.run(fail_twice_then_check())
    assert (refused.value.status, refused.value.retry_after) == (429, 40.0)


def test_a_limit_that_counts_each_request_allows_exactly_as_many_as_it_says() -> None:
    limit = _limit(Clock(), most=3)

    async def ask(times: int) -> None:
        for _ in range(times):
            await limit.count_and_check("a")

    asyncio.run(ask(3))
    with pytest.raises(Refusal, match="Too many failed sign-ins"):
        asyncio.run(ask(1))
