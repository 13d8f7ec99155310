"""Renewing a session: what the new one inherits, and who may not."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.reference.refusal import Refusal
from holdfast.reference.sessions import Session, refresh_session

LONG_AGO = datetime.now(UTC) - timedelta(minutes=20)
OLD = Session("old", 7, True, "a browser", LONG_AGO, LONG_AGO + timedelta(minutes=30), LONG_AGO)


class Backends:
    """Everything answers; `live`: whether the old session's row was still to be revoked."""

    def __init__(self, live: bool) -> None:
        self.live = live
        self.asked: dict[str, Any] = {}
        self.marked: list[str] = []
        self.settings = SimpleNamespace(stack=SimpleNamespace(session_seconds=1800.0))
        self.identity = SimpleNamespace(call=self._sign)
        self.database = SimpleNamespace(all=self._rotate)
        self.cache = SimpleNamespace(put=self._put, put_all=self._put_all)

    async def _sign(self, *_: object) -> dict[str, str]:
        return {"token": "fresh"}

    async def _rotate(self, _kind: type, _statement: str, values: dict[str, Any]) -> list[object]:
        self.asked = values
        return [object()] if self.live else []

    async def _put(self, *_: object, **__: object) -> None:
        pass

    async def _put_all(self, marks: dict[str, str], _seconds: float) -> None:
        self.marked += marks


def test_a_refresh_proves_no_second_factor_and_lengthens_the_stay() -> None:
    backends = Backends(live=True)
    opened = asyncio.run(refresh_session(backends, OLD))  # type: ignore[arg-type]
    assert (opened.token, opened.session.factor_at, backends.asked["factor"]) == ("fresh", LONG_AGO, LONG_AGO)
    assert opened.session.expires_at > OLD.expires_at
    assert opened.session.id != OLD.id
    assert backends.marked == ["session:old"]


def test_of_two_refreshes_at_once_one_is_refused() -> None:
    backends = Backends(live=False)
    with pytest.raises(Refusal) as caught:
        asyncio.run(refresh_session(backends, OLD))  # type: ignore[arg-type]
    assert (caught.value.status, backends.marked) == (401, [])
