"""What a replica tells Prometheus, and the middleware that measures it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.75, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """`requests` by method, route (the pattern, never the path: ids are not labels) and status."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    refused_sign_ins: Counter
    published_events: Counter
    event_lag: Gauge

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge read when asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def watch_links(self, name: str, text: str, values: Mapping[str, Callable[[], float]]) -> None:
        """A gauge for each link of the replica, read when asked for."""
        gauge = Gauge(name, text, ("link",), registry=self.registry)
        for link, value in values.items():
            gauge.labels(link).set_function(value)


def make_metrics() -> Metrics:
    registry = CollectorRegistry()
    return Metrics(
        registry,
        Counter("account_requests", "Requests answered.", ("method", "route", "status"), registry=registry),
        Histogram(
            "account_request_seconds", "Seconds to answer a request, waiting for a worker included.",
            ("method", "route"), buckets=_BUCKETS, registry=registry,
        ),
        Counter("account_refused_sign_ins", "Sign-ins that were refused.", ("reason",), registry=registry),
        Counter("account_published_events", "Events that were published from the outbox.", registry=registry),
        Gauge("account_event_lag_seconds", "From a change to its last published event.", registry=registry),
    )  # fmt: skip


class MeasureRequests:
    """Outermost middleware: counts and times every request, and says who served it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, replica: str) -> None:
        self._app = app
        self._metrics = metrics
        self._replica = (b"x-replica", replica.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], self._replica]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.seconds.labels(scope["method"], route).observe(time.perf_counter() - began)
