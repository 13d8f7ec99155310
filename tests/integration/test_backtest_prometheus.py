"""A real Prometheus scrapes holdfast's exporter, and its alert fires and resolves when the backtest of the record says.

A record of the same events is played back afterwards, at steps of a second. Prometheus comes later than that by what
lies between an event and an evaluation that knows it: the record's second, a scrape, a turn of the rules.
"""

import json
import time
import urllib.parse
import urllib.request
from decimal import Decimal

import pytest
from tests.integration.real_prometheus import MISSING, prometheus, until

from holdfast.monitor.exporter import Exporter
from holdfast.monitor.serving import Serving
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.slo.alert import plan_of
from holdfast.slo.backtest import backtest
from holdfast.slo.burn import HOUR, BurnRow, BurnWindows
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.objective import Objective
from holdfast.slo.promql import expressions, range_text
from holdfast.slo.sources.record import RecordSource
from holdfast.slo.window import Span, parse_window

pytestmark = [pytest.mark.integration, pytest.mark.skipif(MISSING, reason="there is no prometheus")]

INDICATOR = Indicator("sign-in", Selector(("sign_in",), "load"), good=Selector(("sign_in",), "load", ("ok",)))
OBJECTIVE = Objective("o", "", "s", "", Decimal("0.9"), parse_window("1h"), INDICATOR, "", "", "here")
WINDOWS = BurnWindows("quick", "a test", (BurnRow("page", 10, 3, Decimal("0.00555556")),))  # 20 % of events in 10 s
CALM, FAULT = 14, 12  # seconds
LATEST = 3.5


def _rules(folder, alert):
    ratios = [
        f"(({expressions(INDICATOR, range_text(limit.window)).ratio}) > {float(limit.threshold)!r})"
        for limit in alert.rows[0].limits
    ]
    rules = [{"alert": "page", "expr": " and ".join(ratios)}]
    path = folder / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "g", "interval": "1s", "rules": rules}]}))
    return path


def _firing(url, start, end):
    """When Prometheus had the alert firing, second by second."""
    query = {"query": 'ALERTS{alertname="page",alertstate="firing"}', "start": start, "end": end, "step": 1}
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return [float(at) for at, _ in found[0]["values"]] if found else []


def test_an_alert_fires_and_resolves_when_the_backtest_says(tmp_path):
    database = tmp_path / "run.db"
    plan = plan_of(WINDOWS, OBJECTIVE.target, HOUR)
    with RunStore.create(database) as store:
        exporter = Exporter(lambda: [database], [OBJECTIVE])
        with Serving(exporter.text, "127.0.0.1", 0, "") as serving:
            target = serving.url.removeprefix("http://").removesuffix("/metrics")
            options = ("--query.lookback-delta=2s",)  # so that a resolved alert is not shown for minutes
            with prometheus(tmp_path, target, *options, rules=_rules(tmp_path, plan.alerts[0])) as url:
                assert serving.wait_for_scrapes(2, 20)
                first = int(time.time()) + 1
                for second in range(CALM + FAULT + CALM):
                    due = first + second
                    until(lambda end=due + 1: time.time() >= end, "the second is over")
                    recorder = Recorder("load")
                    for n in range(20):
                        failed = CALM <= second < CALM + FAULT and n % 2
                        recorder.add("sign_in", due + n / 20, "failed" if failed else "ok", 0.01)
                    store.write(fold("load", recorder.take()))
                last = first + CALM + FAULT + CALM
                firing = _firing(url, first, last)
    observed = RecordSource("record", (tmp_path,)).observe(OBJECTIVE, Span(first, last), 1)
    result = backtest(observed.history, OBJECTIVE.target, HOUR, [plan], every=1)
    ((fired,),) = (plan_result.fired for plan_result in result.results)
    assert fired.firing.fired_at == first + CALM + 5  # 4 s at half are 20 % of the 10 s, and not above
    assert fired.firing.reset_at == first + CALM + FAULT + 2
    assert firing, "Prometheus fired nothing"
    assert -1 <= firing[0] - fired.firing.fired_at <= LATEST
    assert (
        -1 <= firing[-1] - fired.firing.reset_at <= LATEST + 2
    )  # and the 2 s for which a last sample is looked back on
    assert len(firing) == round(firing[-1] - firing[0]) + 1  # without a gap
