"""The supervisor's control API: what runs, and killing, pausing, starting it. Loopback, with a token.

GET /status, POST /processes/{name}/kill | start | pause | resume, POST /stop.
"""

import asyncio
import contextlib
import dataclasses
import hmac
from collections.abc import Iterator
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.reference.deaths import Death
from holdfast.reference.loopback import HOST
from holdfast.reference.state_folder import StackState
from holdfast.reference.watched import WatchedProcess


class RequireToken:
    """Middleware: nothing is said or done without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                answer = _error(401, "unauthorized", "a token is needed: Authorization: Bearer …")
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Supervised(Protocol):
    """The supervisor, as far as this API is concerned."""

    state: StackState | None
    stopping: asyncio.Event
    processes: dict[str, WatchedProcess]

    def deaths(self) -> list[Death]: ...


class Control:
    """Answers for one supervisor."""

    def __init__(self, supervisor: Supervised) -> None:
        self._supervisor = supervisor

    async def status(self, _: Request) -> Response:
        state = self._supervisor.state
        if state is None:
            return _error(503, "starting", "the stack is still starting")
        return JSONResponse(
            {
                "name": "reference",
                "url": state.url,
                "outbox_url": state.outbox_url,
                "proxy_url": state.proxy_url,
                "deaths": [dataclasses.asdict(death) for death in self._supervisor.deaths()],
                "processes": [_facts(process) for process in self._supervisor.processes.values()],
                "settings": state.settings.as_json(),
            }
        )

    async def act(self, request: Request) -> Response:
        process = self._supervisor.processes.get(request.path_params["name"])
        if process is None:
            known = ", ".join(self._supervisor.processes)
            return _error(404, "not_found", f"no such process; there are {known}")
        match request.path_params["action"]:
            case "kill":
                pid = await process.kill()
            case "start":
                pid = await process.start_now()
            case "pause":
                pid = process.pause()
            case "resume":
                pid = process.resume()
            case _:
                return _error(404, "not_found", "actions: kill, start, pause, resume")
        return JSONResponse({"pid": pid})

    async def stop(self, _: Request) -> Response:
        self._supervisor.stopping.set()
        return JSONResponse({}, status_code=202)


class _Server(uvicorn.Server):
    """Leaves the signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_control(supervisor: Supervised, token: str) -> ASGIApp:
    control = Control(supervisor)
    app = Starlette(
        routes=[
            Route("/status", control.status),
            Route("/processes/{name}/{action}", control.act, methods=["POST"]),
            Route("/stop", control.stop, methods=["POST"]),
        ]
    )
    return RequireToken(app, token)


async def serve_control(supervisor: Supervised, port: int, token: str) -> None:
    """Serve until the supervisor is stopping."""
    config = uvicorn.Config(
        make_control(supervisor, token), host=HOST, port=port,
        access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    await supervisor.stopping.wait()
    server.should_exit = True
    await serving


def _facts(process: WatchedProcess) -> dict[str, object]:
    return {
        "name": process.name, "kind": process.kind, "pid": process.pid, "state": process.state.value,
        "url": process.url, "restarts": process.restarts,
    }  # fmt: skip


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
