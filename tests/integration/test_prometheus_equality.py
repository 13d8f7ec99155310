"""One indicator, two ways: counted from a run's record, and asked of a real Prometheus that scraped its exporter."""

import random
import time
from decimal import Decimal
from pathlib import Path

import pytest
from tests.integration.real_prometheus import MISSING, asked, prometheus, until

from holdfast.monitor.exporter import Exporter
from holdfast.monitor.serving import Serving
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import DROPPED, NO_ACCOUNT, OUTCOMES, THINKING
from holdfast.record.store import RunStore
from holdfast.slo.indicator import Indicator, Selector, count, is_no_event
from holdfast.slo.objective import Objective
from holdfast.slo.promql import RESPONSE, SAMPLES, expressions
from holdfast.slo.sources.prometheus import Connection
from holdfast.slo.sources.prometheus.api import PrometheusApi
from holdfast.slo.window import parse_window

pytestmark = [pytest.mark.integration, pytest.mark.skipif(MISSING, reason="there is no prometheus")]

REQUESTS = ("*/*/GET *", "*/*/POST *")
INDICATORS = (
    Indicator("scenario", Selector(("sign_in",), "load"), good=Selector(("sign_in",), "load", ("ok",))),
    Indicator("any source", Selector(("sign_in",)), good=Selector(("sign_in",), None, ("ok", "rejected"))),
    Indicator("steps", Selector(("*/enter",), "load"), good=Selector(("*/enter",), "load", ("ok",))),
    Indicator("quick", Selector(("*/enter",), "load"), good=Selector(("*/enter",), "load", ("ok",), 0.4)),
    Indicator("odd limit", Selector(("sign_in",), "load"), good=Selector(("sign_in",), "load", ("ok",), 0.7)),
    Indicator("a second", Selector(("billing",), "load"), good=Selector(("billing",), "load", ("ok",), 1.0)),
    Indicator("bad", Selector(("*/enter",), "load"), bad=Selector(("*/enter",), "load", ("failed", "timed_out"))),
    Indicator(
        "some outcomes",
        Selector(("billing",), "load", ("ok", "failed")),
        good=Selector(("billing",), "load", ("ok",)),
    ),
    Indicator("requests", Selector(REQUESTS, "load"), good=Selector(REQUESTS, "load", ("ok",))),
    Indicator("quick requests", Selector(REQUESTS, "load"), good=Selector(REQUESTS, "load", ("ok",), 0.25)),
    Indicator("one letter", Selector(("s?gn_in",), "load"), good=Selector(("s?gn_in",), "load", ("ok",))),
    Indicator("dots", Selector(("sign_in/a.b+c",), "load"), good=Selector(("sign_in/a.b+c",), "load", ("ok",))),
    Indicator("never good", Selector(("hopeless",), "load"), good=Selector(("hopeless",), "load", ("ok",))),
)
NAMES = (
    "sign_in",
    "sign_in/enter",
    "sign_in/enter/GET /a/b",
    "sign_in/enter/POST token",
    "sign_in/a.b+c",
    "sign_in/aXb+c",
    "billing",
    "billing/enter",
    "billing/enter/GET invoices",
    "quiet",
    "quiet/enter",
)


def _objective(indicator: Indicator) -> Objective:
    return Objective(
        indicator.name, "", "s", "", Decimal("0.99"), parse_window("28d"), indicator, runbook="", owner="", where="here"
    )


def _write(store: RunStore, chance: random.Random, *, late: bool) -> None:
    """A quarter of a second's samples, due now. `late`: those of names that come up only later, too."""
    at = time.time()
    for source in ("load", "synthetics"):
        recorder = Recorder(source)
        for name in NAMES if late else NAMES[:7]:
            for _ in range(chance.randrange(1, 100)):
                outcome = chance.choice(("ok",) * 20 + OUTCOMES + (THINKING,))
                if outcome == DROPPED and "/" in name:
                    continue  # what was never sent took no step
                detail = chance.choice((outcome, NO_ACCOUNT)) if outcome == DROPPED else outcome
                recorder.add(name, at, outcome, chance.lognormvariate(-1.0, 0.8), detail=detail)
        if late:
            recorder.add("hopeless", at, "failed", 0.1)
        store.write(fold(source, recorder.take()))


def test_a_record_and_prometheus_count_the_same_to_the_last_event(tmp_path: Path) -> None:
    chance = random.Random(7)
    database = tmp_path / "run.db"
    with RunStore.create(database) as store:
        exporter = Exporter(lambda: [database], [_objective(indicator) for indicator in INDICATORS])
        with Serving(exporter.text, "127.0.0.1", 0, "") as serving:
            target = serving.url.removeprefix("http://").removesuffix("/metrics")
            with prometheus(tmp_path, target) as url:
                assert serving.wait_for_scrapes(2, 20)
                for second in range(6):
                    _write(store, chance, late=second > 2)
                    assert serving.wait_for_scrapes(1, 20)
                assert serving.wait_for_scrapes(3, 20)  # the second shows all, the third is then stored
                intervals = store.intervals()
                events = sum(interval.count for interval in intervals if not is_no_event(interval))
                until(lambda: asked(url, f"sum({SAMPLES})")[0][2] == events, "all samples were scraped")
                ((_, _, at),) = asked(url, f'max(timestamp({SAMPLES}{{source="load"}}))')
                api = PrometheusApi(Connection(url))
                for indicator in INDICATORS:
                    counts = count(intervals, indicator, 0, 2**40)
                    found = expressions(indicator, "120s")
                    values = {}
                    for name, query in {"bad": found.bad, "total": found.total, "ratio": found.ratio}.items():
                        assert query is not None
                        (series,) = api.instant(query, at, "here").series
                        values[name] = series.values[0]
                    assert counts.total_events > 0
                    assert values["total"] == pytest.approx(counts.total_events, rel=1e-9), indicator.name
                    assert values["bad"] == pytest.approx(counts.bad_events, rel=1e-9), indicator.name
                    assert values["ratio"] == pytest.approx(counts.bad_events / counts.total_events, rel=1e-9)
                sums = asked(url, f'sum({RESPONSE}_bucket{{le="+Inf"}})')
                assert sums[0][2] == events
