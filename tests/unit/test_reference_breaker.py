"""The circuit breaker of the reference stack, on a clock that stands still until told otherwise."""

from dataclasses import dataclass

from holdfast.reference.breaker import BreakerState, CircuitBreaker


@dataclass
class Clock:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


def _opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures=3, open_seconds=5.0)
    for _ in range(3):
        breaker.failed()
    return breaker


def test_a_new_breaker_is_closed_and_permits_calls() -> None:
    breaker = CircuitBreaker(Clock())

    assert breaker.state is BreakerState.CLOSED
    assert breaker.permits()


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = _opened(Clock())

    assert breaker.state is BreakerState.OPEN
    assert not breaker.permits()
    assert breaker.retry_after == 5.0


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker(Clock(), failures=3)
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


def test_half_open_it_lets_one_caller_try_and_no_other() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.at += 5.0

    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.permits()
    assert not breaker.permits()


def test_a_successful_trial_closes_it() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.at += 5.0
    breaker.permits()
    breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED
    assert breaker.permits()


def test_a_failed_trial_opens_it_for_another_full_time() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.at += 6.0
    breaker.permits()
    breaker.failed()

    assert breaker.state is BreakerState.OPEN
    assert breaker.retry_after == 5.0


def test_a_call_that_began_before_it_opened_and_fails_late_does_not_keep_it_open_longer() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.at += 4.0
    breaker.failed()

    assert breaker.retry_after == 1.0


def test_a_trial_whose_end_was_never_told_lets_another_try_later() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.at += 5.0
    breaker.permits()
    clock.at += 5.0

    assert breaker.permits()
