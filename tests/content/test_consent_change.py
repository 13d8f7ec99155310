"""The scenario `consent_change` leaves the consents as it found them, whatever goes wrong on the way."""

import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.kit.outcome import OutcomeError, failed
from holdfast.kit.service import Consents

FILE = Path(__file__).resolve().parents[2] / "scenarios/consent_change.py"
GIVEN = Consents(marketing=True, analytics=False)
WITHDRAWN = Consents(marketing=False, analytics=False)


class Target:
    """Keeps the consents; `instead` says what the n-th call does instead of answering well."""

    def __init__(self, instead: dict[int, Callable[["Target"], Consents]]) -> None:
        self.kept, self.calls, self.instead = GIVEN, 0, instead

    def sign_in(self, _account: object) -> None:
        pass

    def read_consents(self) -> Consents:
        return self._answer()

    def update_consent(self, *, marketing: bool, analytics: bool) -> Consents:
        wished = Consents(marketing, analytics)
        if self.calls + 1 not in self.instead or self.instead[self.calls + 1] is _then_fail:
            self.kept = wished
        return self._answer()

    def _answer(self) -> Consents:
        self.calls += 1
        return self.instead.get(self.calls, lambda target: target.kept)(self)


def _fail(_target: Target) -> Consents:
    raise failed("503")


def _then_fail(_target: Target) -> Consents:
    """The change was made, and its answer never came."""
    raise failed("ReadTimeout")


def _break(_target: Target) -> Consents:
    raise KeyError("choices")


def _return_it(_target: Target) -> Consents:
    return GIVEN


READ, WITHDRAW, READ_BACK, PUT_BACK = 1, 2, 3, 4


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Target, list[str], Exception | None]]:
    """Without Locust, which patches the whole process when it is imported."""
    monkeypatch.setitem(sys.modules, "locust", SimpleNamespace(task=lambda method: method))
    monkeypatch.setitem(sys.modules, "holdfast.load", SimpleNamespace(Visitor=object))

    def visited(instead: dict[int, Any]) -> tuple[Target, list[str], Exception | None]:
        steps: list[str] = []

        @contextmanager
        def step(name: str) -> Iterator[None]:
            steps.append(name)
            yield

        visitor = runpy.run_path(str(FILE))["ConsentChange"]()
        visitor.service, visitor.account, visitor.step = Target(instead), None, step
        try:
            visitor.withdraw()
        except Exception as error:
            return visitor.service, steps, error
        return visitor.service, steps, None

    return visited


def test_a_visit_without_a_failure_puts_them_back_in_a_step(visit) -> None:
    target, steps, error = visit({})
    assert (target.kept, target.calls, error) == (GIVEN, PUT_BACK, None)
    assert steps == ["sign_in", "read_consents", "withdraw", "read_back", "restore"]


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        ({READ_BACK: _return_it}, "consent_returned"),
        ({READ_BACK: _fail}, "503"),
        ({READ_BACK: _break}, "KeyError"),
        ({WITHDRAW: _then_fail}, "ReadTimeout"),
    ],
)
def test_a_failure_on_the_way_leaves_them_as_they_were_found(visit, instead: dict[int, Any], told: str) -> None:
    target, steps, error = visit(instead)
    assert target.kept == GIVEN
    assert told in repr(error)
    assert "restore" not in steps  # the visit ended in the step that failed


@pytest.mark.parametrize("second", [_then_fail, _break])
def test_a_failed_put_back_does_not_hide_the_first_failure(visit, second: Any) -> None:
    after_withdrawal = {READ_BACK: _fail, PUT_BACK: second}
    _, _, error = visit(after_withdrawal)
    assert isinstance(error, OutcomeError)
    assert error.detail == "503"


def test_consents_that_do_not_come_back_are_told(visit) -> None:
    _, _, error = visit({PUT_BACK: lambda _target: WITHDRAWN})
    assert isinstance(error, OutcomeError)
    assert error.detail == "not_restored"


def test_nothing_is_put_back_where_nothing_was_found(visit) -> None:
    target, _, error = visit({READ: _fail})
    assert (target.calls, error.detail) == (READ, "503")
