"""What one request costs our own processor: the lean client inside a visit, recorded and told to Locust, on loopback.

    python tests/bench/client_cost.py [--seconds 4] [--connections 50] [--profile]

nginx (Debian: nginx-light) answers 90 bytes of JSON on a core of its own, where there are two. Printed is processor
time of this process per request, kernel included, so a slow server does not flatter or blame the client. Nothing is
asserted. With PYTHONPATH on another checkout two versions are compared on one machine within a minute.
"""

import argparse
import cProfile
import os
import pstats
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import gevent
import locust
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.user import User

from holdfast.clock import SystemClock
from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.load.visit import Ground, Visit
from holdfast.load.wire import Dialer, Origin
from holdfast.record.recorder import Recorder, fold

CONFIG = """
worker_processes 1;
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      default_type application/json;
      return 200 '{{"id":"4f1c2a","plan":"large","status":"active","renews":"2026-12-01","price":"19.90"}}\\n';
    }}
  }}
}}
"""
PATH = "/v2/account"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    with nginx(cores[-1]) as url:
        environment = Environment(events=locust.events, host=url)
        environment.create_local_runner()  # it is what keeps Locust's statistics
        cases: dict[str, Callable[[], Iterator[Callable[[], object]]]] = {
            "bare socket: send, wait, recv": lambda: bare(url),
            "lean client, nothing recorded": lambda: visits(url, lambda **_: None, recorded=False),
            "lean client, recorded": lambda: visits(url, lambda **_: None, recorded=True),
            "lean client, recorded, Locust told": lambda: visits(url, environment.events.request.fire, recorded=True),
            "Locust's FastHttpUser": lambda: fast(environment, url),
        }
        print(f"{asked.connections} connections, {asked.seconds:g} s each, load average {os.getloadavg()[0]:.1f}")
        for name, make in cases.items():
            cost, rate = measured(make(), asked.seconds, asked.connections)
            print(f"{name:38} {cost:7.1f} µs of our processor a request {rate:9,.0f} requests/s")
        if asked.profile:
            profile = cProfile.Profile()
            requests = cases["lean client, recorded, Locust told"]()
            profile.runcall(measured, requests, asked.seconds, asked.connections)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def measured(requests: Iterator[Callable[[], object]], seconds: float, connections: int) -> tuple[float, float]:
    """Microseconds of our processor per request, and requests per second."""
    done = 0
    over = False

    def loop(request: Callable[[], object]) -> None:
        nonlocal done
        while not over:
            request()
            done += 1

    running = [gevent.spawn(loop, next(requests)) for _ in range(connections)]
    gevent.sleep(0.3)
    done, cpu, wall = 0, time.process_time(), time.monotonic()
    gevent.sleep(seconds)
    cpu, wall, counted = time.process_time() - cpu, time.monotonic() - wall, done
    over = True
    gevent.joinall(running, raise_error=True)
    return cpu / counted * 1e6, counted / wall


def visits(url: str, fire: Callable[..., Any], *, recorded: bool) -> Iterator[Callable[[], object]]:
    clock = SystemClock()
    recorder = Recorder("load") if recorded else None
    wire = Recorder("wire") if recorded else None
    more = {"wire": wire} if "wire" in Ground.__dataclass_fields__ else {}  # so that it runs on older versions
    ground = Ground(
        dialer=Dialer(Origin.of(url)),
        clock=clock,
        accounts=AccountPool([], clock),
        inbox=None,
        make_service=lambda *_: None,  # type: ignore[arg-type,return-value]
        marker="holdfast/bench (synthetic)",
        recorder=recorder,
        fire=fire,
        note_error=lambda *_: None,
        choices=Random(1),
        **more,
    )
    turn = 0

    def one(visit: Visit) -> None:
        nonlocal turn
        visit.client.request("GET", PATH)
        turn += 1
        if turn % 10_000 == 0:  # folding is part of what recording costs
            for each in (recorder, wire):
                if each is not None:
                    fold(each.source, each.take())

    while True:
        visit = Visit(ground, "account", generated_account(1), clock.now())
        visit.step("look").__enter__()
        yield lambda visit=visit: one(visit)


def fast(environment: Environment, url: str) -> Iterator[Callable[[], object]]:
    class Someone(User):
        abstract = True

    while True:
        session = FastHttpSession(url, environment.events.request, Someone(environment))
        yield lambda session=session: session.get(PATH)


def bare(url: str) -> Iterator[Callable[[], object]]:
    """The floor: what nobody on gevent gets below."""
    origin = Origin.of(url)
    head = f"GET {PATH} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n".encode()

    def ask(opened: Any) -> None:
        opened.sendall(head)
        opened.recv(65536)

    while True:
        opened = gevent.socket.create_connection((origin.host, origin.port))
        yield lambda opened=opened: ask(opened)


@contextmanager
def nginx(core: int) -> Iterator[str]:
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(binary).exists():
        raise SystemExit("nginx is not here: apt-get install -y nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port), encoding="utf-8")
        with subprocess.Popen([binary, "-c", str(config), "-p", folder]) as server:
            try:
                os.sched_setaffinity(server.pid, {core})
                for _ in range(100):
                    with socket.socket() as probe:
                        if probe.connect_ex(("127.0.0.1", port)) == 0:
                            break
                    gevent.sleep(0.05)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
