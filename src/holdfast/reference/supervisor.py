"""The supervisor: starts the stack's processes, wires them through the fault proxy, watches them, takes all down.

In: settings and a state folder. Out: a running stack and its state file; after `close` neither process, port nor file.

    edge ─▶ account-1 … account-N ─▶ postgres, valkey, identity, billing, messages       ─▶: a link of the proxy
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from holdfast.environment import for_our_python
from holdfast.errors import Problem, TargetError
from holdfast.proxy.access import TOKEN_VARIABLE
from holdfast.reference.deaths import Death, Deaths, PostgresLog
from holdfast.reference.loopback import HOST, NoAnswerError, ask, free_ports, is_free
from holdfast.reference.settings import PartnersSettings, ReplicaSettings, StackSettings
from holdfast.reference.state_folder import LOG_FOLDER, StackState, remove_state, write_scratch, write_state
from holdfast.reference.stores import (
    Scratch,
    make_scratch,
    postgres_command,
    prepare_postgres,
    remove_scratch,
    valkey_command,
)  # fmt: skip
from holdfast.reference.watched import Command, WatchedProcess

_READY_SECONDS: Final = 60.0  # a few seconds on a machine that has time
_POLL_SECONDS: Final = 0.03
_PATIENCE_SECONDS: Final = 3.0
_PARTNER_LINKS: Final = ("identity", "billing", "messages")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens. `links`: the proxy's listeners by name."""

    control: int
    proxy: int
    postgres: int
    valkey: int
    partners: int
    replicas: tuple[int, ...]
    links: Mapping[str, int]


def choose_ports(settings: StackSettings) -> Ports:
    """Free ports for everything; the edge's may be given. Raises TargetError when that one is taken."""
    if settings.port is not None and not is_free(settings.port):
        what = f"port {settings.port} is taken"
        raise TargetError(Problem("stack settings.port", what, "Choose another one, or none for any free port."))
    links = ("edge", "postgres", "valkey", *_PARTNER_LINKS)
    found = iter(free_ports(5 + settings.replicas + len(links)))
    control, proxy, postgres, valkey, partners = (next(found) for _ in range(5))
    replicas = tuple(next(found) for _ in range(settings.replicas))
    by_name = {name: next(found) for name in links}
    if settings.port is not None:
        by_name["edge"] = settings.port
    return Ports(control, proxy, postgres, valkey, partners, replicas, by_name)


def links_document(ports: Ports, *, failover: bool = True) -> dict[str, list[dict[str, object]]]:
    """The proxy's configuration: one link to each store and partner, and the balancer in front of the replicas."""
    upstreams = {"postgres": ports.postgres, "valkey": ports.valkey} | dict.fromkeys(_PARTNER_LINKS, ports.partners)
    return {
        "proxies": [
            {"name": name, "listen": f"{HOST}:{ports.links[name]}", "upstream": f"{HOST}:{port}"}
            for name, port in upstreams.items()
        ],
        "balancers": [
            {
                "name": "edge",
                "listen": f"{HOST}:{ports.links['edge']}",
                "upstreams": [f"{HOST}:{port}" for port in ports.replicas],
                # Not /readyz: what all replicas share (a slow database, say) must not take all of them out at once.
                "health": {"path": "/healthz", "every": 0.5, "timeout": 1.0, "failures": 3, "successes": 1}
                if failover
                else None,
                "failover": failover,
            }
        ],
    }


class Supervisor:
    """Opened by `open`, closed by `close`. One event loop, in the main thread."""

    def __init__(self, settings: StackSettings, state_dir: Path) -> None:
        self.settings = settings
        self.state_dir = state_dir
        self.stopping = asyncio.Event()
        self.processes: dict[str, WatchedProcess] = {}
        self.state: StackState | None = None
        self._logs = state_dir / LOG_FOLDER
        self._scratch: Scratch | None = None
        self._serving: asyncio.Task[None] | None = None
        self._came_up = False
        self._postgres_log = PostgresLog(self._logs / "postgres.log")
        self._within_postgres = Deaths()
        self._password = secrets.token_urlsafe(24)
        self._token = secrets.token_urlsafe(24)
        self._proxy_token = secrets.token_urlsafe(24)

    async def open(self) -> StackState:
        """Start everything and wait until the edge serves. Raises TargetError; then `close` is still to be called."""
        ports = choose_ports(self.settings)
        self._logs.mkdir(parents=True, exist_ok=True)
        self._scratch = make_scratch()
        write_scratch(self.state_dir, self._scratch.path)
        links = self._scratch.path / "links.json"
        links.write_text(json.dumps(links_document(ports, failover=self.settings.failover)))
        commands = self._commands(ports, links)
        # The slowest first: the database's preparation runs beside the start of all others.
        await asyncio.gather(self._open_postgres(self._scratch, ports.postgres), *map(self._start, commands))
        # Imported late: it takes a good part of a second, in which the processes already start.
        from holdfast.reference.control import serve_control

        self._serving = asyncio.create_task(serve_control(self, ports.control, self._token), name="control")
        url = f"http://{HOST}:{ports.links['edge']}"
        self.state = StackState(
            pid=os.getpid(),
            url=url,
            outbox_url=f"http://{HOST}:{ports.partners}",
            control_url=f"http://{HOST}:{ports.control}",
            control_token=self._token,
            proxy_url=f"http://{HOST}:{ports.proxy}",
            proxy_token=self._proxy_token,
            state_dir=str(self.state_dir),
            started_at=time.time(),
            settings=self.settings,
        )
        replicas = [f"http://{HOST}:{port}/readyz" for port in ports.replicas]
        others = [f"{self.state.outbox_url}/healthz", f"{self.state.proxy_url}/version", f"{url}/readyz"]
        await self._wait_for({one: partial(_answers, one) for one in (*replicas, *others)})
        # One that was slow to start was left out meanwhile: with half the capacity no stack is up.
        await self._wait_for({f"{self.state.proxy_url} edge": partial(_leaves_none_out, self.state.proxy_url)})
        write_state(self.state)
        self._came_up = True
        return self.state

    def deaths(self) -> list[Death]:
        """Of all processes, without those that we were asked to kill, in order of time."""
        for death in self._postgres_log.news():
            self._within_postgres.add(death)
        every = [*self._within_postgres, *(death for process in self.processes.values() for death in process.deaths)]
        return sorted(every, key=lambda death: death.at)

    async def close(self) -> None:
        """Take everything down, the visitors' side first. Idempotent."""
        self.stopping.set()
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        await asyncio.gather(*(process.close(_PATIENCE_SECONDS) for process in self.processes.values()))
        if self._scratch is not None:
            remove_scratch(self._scratch.path)
        remove_state(self.state_dir)
        if not self.settings.keep_logs and self._came_up:
            shutil.rmtree(self._logs, ignore_errors=True)
            with contextlib.suppress(OSError):  # it holds somebody else's files
                self.state_dir.rmdir()

    def _commands(self, ports: Ports, links: Path) -> list[tuple[str, str, int, Command]]:
        """Name, kind, port and command of everything but PostgreSQL."""
        python, told = sys.executable, for_our_python(os.environ)
        partners = json.dumps(PartnersSettings(ports.partners, secrets.token_hex(32)).as_json()) + "\n"
        listen = f"{HOST}:{ports.proxy}"
        proxy = (python, "-m", "holdfast.proxy", "--listen", listen, "--config", str(links), "--owner-pipe")
        # Not in its arguments, which every user of the machine may read, nor in its configuration.
        of_proxy = told | {TOKEN_VARIABLE: self._proxy_token}
        commands = [
            ("proxy", "proxy", ports.proxy, Command(proxy, of_proxy, keeps_stdin=True)),
            ("valkey", "valkey", ports.valkey, valkey_command(ports.valkey, self._password, os.environ)),
        ]
        for number, port in enumerate(ports.replicas, start=1):
            name = f"account-{number}"
            settings = ReplicaSettings(
                name=name,
                port=port,
                postgres_port=ports.links["postgres"],
                valkey_port=ports.links["valkey"],
                password=self._password,
                stack=self.settings,
                **{f"{partner}_url": f"http://{HOST}:{ports.links[partner]}" for partner in _PARTNER_LINKS},
            )
            line = json.dumps(settings.as_json()) + "\n"
            arguments = (python, "-m", "holdfast.reference.app")
            commands.append((name, "replica", port, Command(arguments, told, line, keeps_stdin=True)))
        arguments = (python, "-m", "holdfast.reference.partners")
        commands.append(("partners", "partners", ports.partners, Command(arguments, told, partners, keeps_stdin=True)))
        return commands

    async def _open_postgres(self, scratch: Scratch, port: int) -> None:
        binaries = await prepare_postgres(scratch, self._password, self._logs / "postgres.log")
        await self._start(("postgres", "postgres", port, postgres_command(scratch, binaries, port)))

    async def _start(self, what: tuple[str, str, int, Command]) -> None:
        name, kind, port, command = what
        scheme = "http" if kind in ("replica", "partners", "proxy") else "tcp"
        log = self._logs / f"{name}.log"
        process = WatchedProcess(name, kind, f"{scheme}://{HOST}:{port}", command, log, self.settings.restart_delay)
        self.processes[name] = process
        try:
            await process.start()
        except OSError as error:
            raise TargetError(Problem(name, f"cannot be started: {error}")) from error

    async def _wait_for(self, places: Mapping[str, Callable[[], bool]]) -> None:
        """Until each is ready. Raises TargetError when one is not in time, or a process died while we waited."""
        deadline = time.monotonic() + _READY_SECONDS
        for place, is_ready in places.items():
            while not await asyncio.to_thread(is_ready):
                died = [process for process in self.processes.values() if process.pid is None]
                if died:
                    raise TargetError(*(Problem(one.name, f"died while starting:\n{one.last_words()}") for one in died))
                if time.monotonic() > deadline:
                    words = "".join(f"\n{one.name}: {one.last_line()}" for one in self.processes.values())
                    raise TargetError(
                        Problem(place, f"is not ready after {_READY_SECONDS:g} s; their logs end:{words}")
                    )
                if self.stopping.is_set():
                    raise TargetError(Problem("reference stack", "was stopped while it started"))
                await asyncio.sleep(_POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        ask(url, timeout=1.0)
    except NoAnswerError:
        return False
    return True


def _leaves_none_out(proxy_url: str) -> bool:
    """Whether every replica gets its share of the edge's connections."""
    try:
        balancers = ask(f"{proxy_url}/holdfast/balancers", timeout=1.0)["balancers"]
        return all(upstream["healthy"] for one in balancers.values() for upstream in one["upstreams"])
    except NoAnswerError:
        return False
