"""The target's own view, once a second into gauges of source "target": how many replicas are ready at the edge.

Only where the target tells: the reference stack's edge balancer does. A thread is enough; nothing heavy is imported.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.proxy.client import ProxyClient
from holdfast.record.store import Gauge, RunStore

REPLICAS_READY: Final = "replicas_ready"
SOURCE: Final = "target"


class Poller:
    """Polls until `stop`. A target that does not answer leaves a gap, never a guess."""

    def __init__(self, proxy_url: str, database: Path, clock: Clock) -> None:
        self._client = ProxyClient(proxy_url, timeout=1.0)
        self._database = database
        self._clock = clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="poller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5.0)

    def _poll(self) -> None:
        with suppress(HoldfastError), RunStore.open(self._database) as store:
            while not self._stopped.wait(1.0):
                # A record that cannot be written is the runner's to notice: it writes there as often.
                with suppress(HoldfastError, sqlite3.Error):
                    self._look(store)

    def _look(self, store: RunStore) -> None:
        balancers = self._client.balancers()
        at = self._clock.now()
        store.write_gauges(
            Gauge(at, SOURCE, REPLICAS_READY, sum(upstream.healthy for upstream in upstreams))
            for upstreams in balancers.values()
        )
