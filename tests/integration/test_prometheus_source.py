"""Prometheus as a source, asked of a real one that scrapes a small exporter every second."""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.certificates import Authority
from tests.integration.real_prometheus import MISSING, asked, prometheus, until

from holdfast.errors import InputError, MeasurementError
from holdfast.slo.objective import AnyIndicator, Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.sources.prometheus import Connection, PrometheusSource
from holdfast.slo.window import Span, parse_window

pytestmark = [pytest.mark.integration, pytest.mark.skipif(MISSING, reason="there is no prometheus")]

RATE = 200.0  # requests a second, every tenth of them bad, every fourth a test's
SECONDS = 16
STEP = 4


@dataclass
class Target:
    """Metrics that grow with time. `restarted`: when its counters began anew."""

    address: str
    began: float
    restarted: float

    def text(self) -> str:
        since = time.time() - self.restarted
        count = int(since * RATE)
        lines = [
            f'requests_total{{code="500"}} {count // 10}',
            f'requests_total{{code="200"}} {count - count // 10}',
            f'requests_total{{code="200",test="yes"}} {count // 4}',
            f"batch {RATE:g}",
            f"p99_seconds {0.5 if time.time() - self.began > SECONDS / 2 else 0.3}",
            "share 0.25",
            "nothing NaN",
        ]
        return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Target(f"127.0.0.1:{server.server_address[1]}", time.time(), time.time())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Scraped:
    """`start`, `restart`, `at`: a step's begin before the first scrape's step ended, of the restart, and of now."""

    url: str
    start: int
    restart: float
    at: float


@pytest.fixture(scope="module")
def scraped(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), target.address) as url:
        until(lambda: bool(asked(url, "requests_total")), "the first scrape")
        first = time.time()
        start = math.ceil(first / STEP) * STEP
        target.began = float(start)
        until(lambda: time.time() >= start + SECONDS, "some history")
        target.restarted = restart = time.time()  # a new process: its counters begin at 0
        end = math.ceil(restart / STEP) * STEP + STEP
        until(lambda: time.time() >= end + 0.5, "some more")
        yield Scraped(url, start, restart, float(end))


def _query(text: str, **spec: Any) -> Query:
    return Query("prometheus", {"query": text, **spec}, where="slo/a.yaml:7")


ALL = _query('requests_total{test=""}')
GOOD = _query('sum(requests_total{code!="500",test=""})')


def _objective(indicator: AnyIndicator) -> Objective:
    window = parse_window("28d")
    return Objective("web", "", "s", "", Decimal("0.99"), window, indicator, "", "", where="slo/a.yaml:9")


def _source(scraped: Scraped) -> PrometheusSource:
    return PrometheusSource(Connection(scraped.url), at=scraped.at, environment={})


def test_steps_hold_the_events_of_their_time_and_none_is_measured_before_the_first_scrape(scraped: Scraped) -> None:
    found = _source(scraped).observe(
        _objective(QueryRatio("r", ALL, good=GOOD)), Span(scraped.start - 40, scraped.start + SECONDS), STEP
    )
    history = found.history.between(scraped.start, scraped.start + SECONDS)
    assert history.measured.all()
    assert history.total == pytest.approx(np.full(SECONDS // STEP, RATE * STEP), rel=0.05)
    assert history.bad / history.total == pytest.approx(np.full(SECONDS // STEP, 0.1), abs=0.005)
    before = found.history.between(0, scraped.start - STEP)
    assert not before.measured.any()
    assert not before.total.any()
    assert any("have no total, and are not measured" in note for note in found.notes)


def test_a_restart_loses_and_invents_nothing_to_speak_of(scraped: Scraped) -> None:
    found = _source(scraped).observe(_objective(QueryRatio("r", ALL, good=GOOD)), Span(scraped.start, scraped.at), STEP)
    seconds = scraped.at - scraped.start
    assert found.history.total.sum() == pytest.approx(RATE * seconds, rel=0.1)  # at most a scrape's worth is lost
    assert found.history.bad.sum() / found.history.total.sum() == pytest.approx(0.1, abs=0.01)


def test_an_instant_query_says_what_the_steps_say_together(scraped: Scraped) -> None:
    objective = _objective(QueryRatio("r", ALL, good=GOOD))
    source = _source(scraped)
    window = int(scraped.at) - scraped.start
    steps = source.observe(objective, Span(scraped.start, scraped.at), STEP).history
    whole = source.instant(objective, window).history
    assert (len(whole), whole.start, whole.end) == (1, scraped.start, int(scraped.at))
    assert whole.total.sum() == pytest.approx(steps.total.sum(), rel=0.1)


def test_test_traffic_is_the_marked_part(scraped: Scraped) -> None:
    marked = QueryRatio(
        "r",
        _query('requests_total{test=""}', testTraffic='requests_total{test="yes"}'),
        bad=_query('requests_total{code="500",test=""}', testTraffic='requests_total{code="500",test="yes"}'),
    )
    found = _source(scraped).observe(_objective(marked), Span(scraped.start, scraped.start + SECONDS), STEP)
    assert found.test_traffic is not None
    assert found.test_traffic.total == pytest.approx(found.history.total / 4, rel=0.05)
    assert found.test_traffic.good.tolist() == found.test_traffic.total.tolist()  # no bad one has that mark


def test_events_since_the_last_one_are_summed(scraped: Scraped) -> None:
    batch = QueryRatio("r", _query("batch"), good=_query("batch"), counter=False)
    found = _source(scraped).observe(_objective(batch), Span(scraped.start, scraped.start + SECONDS), STEP).history
    assert found.total == pytest.approx(np.full(SECONDS // STEP, RATE * STEP), rel=0.26)  # a scrape more or less
    assert found.good.tolist() == found.total.tolist()


def test_raw_ratios_and_thresholds_are_looked_at_once_a_step(scraped: Scraped) -> None:
    span = Span(scraped.start, scraped.start + SECONDS)
    raw = _source(scraped).observe(_objective(QueryRaw("r", _query("share"), success=False)), span, STEP).history
    assert (raw.total.tolist(), raw.good.tolist()) == ([1] * 4, [0.75] * 4)
    slow = QueryThreshold("r", _query("p99_seconds"), "lte", Decimal("0.4"))
    found = _source(scraped).observe(_objective(slow), span, 1).history
    assert found.measured.all()
    changed = np.flatnonzero(np.diff(found.good))
    assert len(changed) == 1  # from good to bad, once
    assert (found.good[0], found.good[-1]) == (1, 0)
    no_value = QueryThreshold("r", _query("nothing"), "lte", Decimal("0.4"))
    assert not _source(scraped).observe(_objective(no_value), span, STEP).history.measured.any()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("requests_total{", "parse error"),
        ("requests_total + on () group_left () p99_seconds + batch{", "parse error"),
        ("increase(requests_total[{{.window}}])", "3 series answer"),
        ("no_such_metric", ""),
    ],
)
def test_what_a_query_is_wrong_about_is_told_in_prometheus_words(scraped: Scraped, query: str, told: str) -> None:
    objective = _objective(QueryRatio("r", _query(query), good=GOOD))
    span = Span(scraped.start, scraped.start + SECONDS)
    if not told:
        found = _source(scraped).observe(objective, span, STEP)
        assert not found.history.measured.any()
        assert "nothing was measured" in found.notes[0]
        return
    with pytest.raises(InputError, match=told):
        _source(scraped).observe(objective, span, STEP)


def test_a_step_too_short_for_two_scrapes_is_not_measured_and_says_why(scraped: Scraped) -> None:
    objective = _objective(QueryRatio("r", ALL, good=GOOD))
    found = _source(scraped).observe(objective, Span(scraped.start, scraped.start + SECONDS), 1)
    assert not found.history.measured.any()
    assert "needs two scrapes" in found.notes[0]


def test_it_is_asked_over_tls_as_a_user(target: Target, tmp_path: Path) -> None:
    issuer = Authority(tmp_path)
    certificate, key = issuer.signed()
    # "test", by bcrypt: from Prometheus' own documentation
    hashed = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
    web = tmp_path / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: {certificate}, key_file: {key}}}\nbasic_auth_users: {{reader: '{hashed}'}}\n"
    )
    with prometheus(tmp_path, target.address, f"--web.config.file={web}", is_open=False) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost")
        objective = _objective(QueryRatio("r", ALL, good=GOOD))

        def total(environment: dict[str, str], ca_file: str | None = str(issuer.ca_file)) -> float:
            connection = Connection(url, ca_file=ca_file)
            source = PrometheusSource(connection, at=time.time(), environment=environment)
            return float(source.instant(objective, 60).history.total.sum())

        user = {"HOLDFAST_PROMETHEUS_USER": "reader", "HOLDFAST_PROMETHEUS_PASSWORD": "test"}

        def counts() -> bool:
            try:
                return total(user) > 0
            except MeasurementError:
                return False  # not yet

        until(counts, "it is up and has scraped")
        with pytest.raises(InputError, match=r"lets us not in \(401\)"):
            total({})
        with pytest.raises(InputError, match="lets us not in"):
            total(user | {"HOLDFAST_PROMETHEUS_PASSWORD": "tset"})
        with pytest.raises(InputError, match="is not proven"):
            total(user, ca_file=None)
