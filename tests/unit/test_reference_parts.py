"""The small pure parts of the reference stack: freshness, invoices, links, files, capacity."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from holdfast.reference.capacity import LimitCapacity
from holdfast.reference.partners import invoices_of
from holdfast.reference.sessions import Session, new_session
from holdfast.reference.settings import StackSettings
from holdfast.reference.state import read_stack
from holdfast.reference.state_folder import StackState, write_scratch, write_state
from holdfast.reference.stores import _reason_in
from holdfast.reference.supervisor import Ports, links_document

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
NO_PROCESS = 2**22 + 1  # above the largest pid that Linux gives


def _session(factor_at: datetime | None, mfa: bool) -> Session:
    return Session("s", 1, mfa, "", NOON, NOON + timedelta(hours=1), factor_at)


def test_a_factor_is_fresh_for_as_long_as_is_said() -> None:
    session = _session(factor_at=NOON, mfa=True)

    assert session.factor_is_fresh(NOON + timedelta(seconds=300), seconds=300.0)
    assert not session.factor_is_fresh(NOON + timedelta(seconds=301), seconds=300.0)


def test_an_account_without_a_second_factor_has_none_to_prove() -> None:
    assert _session(factor_at=None, mfa=False).factor_is_fresh(NOON + timedelta(days=1), seconds=300.0)
    assert not _session(factor_at=None, mfa=True).factor_is_fresh(NOON, seconds=300.0)


def test_a_new_session_lives_as_long_as_is_said_and_keeps_little_of_the_user_agent() -> None:
    session = new_session(7, mfa=True, user_agent="x" * 5000, lifetime=60.0)

    assert session.expires_at - session.created_at == timedelta(seconds=60)
    assert session.factor_at == session.created_at
    assert len(session.user_agent) == 200


def test_an_account_always_has_the_same_invoices_and_the_newest_is_of_last_month() -> None:
    invoices = invoices_of(42, NOON)

    assert invoices == invoices_of(42, NOON)
    assert invoices[0].period == "2026-02"
    assert [invoice.period for invoice in invoices] == sorted((one.period for one in invoices), reverse=True)
    assert invoices != invoices_of(43, NOON)


def test_an_invoice_is_the_sum_of_its_lines() -> None:
    for invoice in invoices_of(42, NOON):
        assert invoice.amount_cents == sum(line.amount_cents for line in invoice.lines)
        assert invoice.id == f"inv-000042-{invoice.period}"


def test_january_follows_december() -> None:
    assert invoices_of(1, datetime(2026, 1, 5, tzinfo=UTC))[0].period == "2025-12"


def test_every_way_into_a_part_of_the_stack_is_a_link_of_the_proxy() -> None:
    names = ("edge", "postgres", "valkey", "identity", "billing", "messages")
    ports = Ports(1, 2, 3, 4, 5, (6, 7), {name: 10 + place for place, name in enumerate(names)})
    document = links_document(ports)

    assert {link["name"]: link["upstream"] for link in document["proxies"]} == {
        "postgres": "127.0.0.1:3",
        "valkey": "127.0.0.1:4",
        "identity": "127.0.0.1:5",
        "billing": "127.0.0.1:5",
        "messages": "127.0.0.1:5",
    }
    assert document["balancers"][0]["upstreams"] == ["127.0.0.1:6", "127.0.0.1:7"]


def _state(folder: Path, pid: int) -> StackState:
    return StackState(
        pid=pid,
        url="http://127.0.0.1:1",
        outbox_url="http://127.0.0.1:2",
        control_url="http://127.0.0.1:3",
        control_token="secret",
        proxy_url="http://127.0.0.1:4",
        proxy_token="hush",
        state_dir=str(folder),
        started_at=0.0,
        settings=StackSettings(),
    )


def test_the_state_file_is_its_owners_alone_and_the_token_is_not_shown(tmp_path: Path) -> None:
    state = _state(tmp_path, pid=1)
    write_state(state)

    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "stack.json").read_text())["control_token"] == "secret"
    assert "secret" not in repr(state)


def test_a_folder_without_a_state_file_has_no_stack(tmp_path: Path) -> None:
    assert read_stack(tmp_path) is None


@pytest.mark.parametrize("pid", [NO_PROCESS, os.getpid()], ids=["gone", "given to another program"])
def test_what_a_killed_supervisor_left_behind_is_removed(tmp_path: Path, pid: int) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "postgres").mkdir(parents=True)
    write_state(_state(tmp_path, pid=NO_PROCESS))
    write_scratch(tmp_path, scratch)
    document = json.loads((tmp_path / "scratch.json").read_text())
    (tmp_path / "scratch.json").write_text(json.dumps(document | {"pid": pid}))

    assert read_stack(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


async def _serve(limit: LimitCapacity, path: str, statuses: list[int]) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        return {"type": "http.request"}

    await limit({"type": "http", "path": path}, receive, send)


class SlowApp:
    """Serves when told to, and remembers how many it had at once."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_replica_works_on_so_many_requests_at_a_time_and_health_does_not_wait() -> None:
    async def play() -> tuple[int, int, list[int]]:
        app = SlowApp()
        limit = LimitCapacity(app, workers=2, service_time=0.0)
        statuses: list[int] = []
        tasks = [asyncio.create_task(_serve(limit, "/v2/account", statuses)) for _ in range(5)]
        await _turns()
        busy, waiting = app.inside, limit.waiting
        health = asyncio.create_task(_serve(limit, "/healthz", statuses))
        await _turns()
        assert app.inside == busy + 1
        app.release.set()
        await asyncio.gather(*tasks, health)
        return busy, waiting, statuses

    assert asyncio.run(play()) == (2, 3, [200] * 6)


def test_a_request_that_would_wait_behind_hundreds_is_told_to_come_back() -> None:
    async def play() -> list[int]:
        app = SlowApp()
        limit = LimitCapacity(app, workers=1, service_time=0.0)
        statuses: list[int] = []
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(_serve(limit, "/v2/account", statuses)) for _ in range(501)
        ]
        await _turns()
        await _serve(limit, "/v2/account", statuses)
        refused = list(statuses)
        app.release.set()
        await asyncio.gather(*tasks)
        return refused

    assert asyncio.run(play()) == [503]


def test_the_reason_of_a_database_that_could_not_be_made_is_no_tidying_up(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text(
        "creating configuration files ... ok\n"
        'running bootstrap script ... FATAL:  could not extend file "base/1/2691": No space left on device\n'
        "2026-12-01 [5] HINT:  Check free disk space.\n"
        "child process exited with exit code 134\n"
        'initdb: removing data directory "/tmp/x/postgres"\n'
    )
    assert _reason_in(log) == 'FATAL:  could not extend file "base/1/2691": No space left on device'

    library = "initdb: error while loading shared libraries: libx.so.1: cannot open shared object file"
    log.write_text(f"{library}\n")
    assert _reason_in(log) == library
