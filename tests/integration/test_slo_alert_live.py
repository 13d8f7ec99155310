"""From an OpenSLO file to somebody's pager, on the real thing, with windows of seconds.

Generated rules lie in a real Prometheus that scrapes holdfast's exporter; the alert fires and resolves when the
backtest of the very record says, and a real Alertmanager routes it by the generated routing to the page's receiver.

The record is played back afterwards, at steps of a second. Prometheus comes later than that by what lies between an
event and an evaluation that knows it: the record's second, a scrape, a turn of the rules that record and of those that
alert.
"""

import json
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from tests.integration.real_prometheus import MISSING, alertmanager, prometheus, until

from holdfast.cli.program import invoke
from holdfast.monitor.exporter import Exporter
from holdfast.monitor.serving import Serving
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.run.definition_files import check_definitions
from holdfast.slo.alert import plan_of
from holdfast.slo.backtest import backtest
from holdfast.slo.burn import HOUR
from holdfast.slo.burn_windows import load_burn_windows
from holdfast.slo.sources.record import RecordSource
from holdfast.slo.window import Span
from holdfast.workspace.document import load_documents

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        MISSING or shutil.which("prometheus-alertmanager") is None, reason="there is no prometheus, or no alertmanager"
    ),
]

OBJECTIVES = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: sign-in, labels: {team: identity}, annotations: {holdfast.dev/runbook: docs/runbooks/sign-in.md}}
spec:
  service: account
  indicator:
    metadata: {name: sign-in-ok}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: holdfast, spec: {name: sign_in, source: load}}}
        total: {metricSource: {type: holdfast, spec: {name: sign_in, source: load}}}
  timeWindow: [{duration: 1h, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.9}]
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: wake-identity}
      spec:
        alertWhenNoData: false
        alertWhenResolved: true
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {name: burns}
            spec:
              severity: page
              condition: {kind: burnrate, op: gte, threshold: 9.9, lookbackWindow: 30m, alertAfter: 30m}
        notificationTargets:
          - kind: AlertNotificationTarget
            metadata: {name: identity-on-call}
            spec: {target: pager}
"""
WINDOWS = """\
kind: BurnWindows
name: quick
source: a test, whose hour is seconds
period: 1h
rows: [{severity: page, long: 10s, short: 3s, factor: 2}] # 20 % of events
"""
CALM, FAULT, AFTER = 11, 9, 10  # seconds
LATEST = 4.5


@dataclass
class Pager:
    """What a receiver was sent: when, and which alert in which state."""

    url: str = ""
    calls: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)

    def of(self, status: str) -> list[tuple[float, dict[str, str]]]:
        return [(at, labels) for at, state, labels in self.calls if state == status]


@contextmanager
def pager() -> Iterator[Pager]:
    kept = Pager()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.calls += [(time.time(), alert["status"], alert["labels"]) for alert in sent["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _routed(generated: str, receivers: dict[str, str]) -> str:
    """The generated routing with its receivers' addresses, and waits as short as the windows."""
    config = yaml.safe_load(generated)
    for receiver in config["receivers"]:
        if receiver["name"] in receivers:
            hook = {"url": receivers[receiver["name"]], "send_resolved": True}
            receiver["webhook_configs"] = [hook]
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    return yaml.safe_dump(config)


def _firing(url: str, start: float, end: float) -> list[float]:
    """When Prometheus had the page firing, second by second."""
    what = 'ALERTS{alertname!="AlertCondition",severity="page",alertstate="firing"}'
    query = {"query": what, "start": start, "end": end, "step": 1}
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    assert len(found) <= 1, found
    return [float(at) for at, _ in found[0]["values"]] if found else []


def test_an_alert_fires_resolves_and_reaches_its_receiver_when_the_backtest_says(tmp_path):
    (tmp_path / "slo.yaml").write_text(OBJECTIVES)
    (tmp_path / "windows.yaml").write_text(WINDOWS)
    out = tmp_path / "out"
    asked = ("slo", "rules", str(tmp_path / "slo.yaml"), "--windows", str(tmp_path / "windows.yaml"))
    assert invoke([*asked, "--interval", "1s", "--out", str(out)]) == 0
    (objective,) = check_definitions([tmp_path / "slo.yaml"]).definitions.objectives
    (windows,), _ = load_burn_windows(load_documents(tmp_path / "windows.yaml")[0])
    plan = plan_of(windows, objective.target, HOUR)

    database = tmp_path / "run.db"
    with RunStore.create(database) as store, pager() as on_call, pager() as somebody_else:
        exporter = Exporter(lambda: [database], [objective])
        config = tmp_path / "alertmanager.yml"
        receivers = {"identity-on-call": on_call.url, "nobody-is-named": somebody_else.url}
        config.write_text(_routed((out / "alertmanager.yaml").read_text(), receivers))
        with Serving(exporter.text, "127.0.0.1", 0, "") as serving, alertmanager(tmp_path, config) as manager:
            target = serving.url.removeprefix("http://").removesuffix("/metrics")
            options = ("--query.lookback-delta=2s",)  # so that a resolved alert is not shown for minutes
            rules = out / "rules" / "*.yaml"
            with prometheus(tmp_path, target, *options, rules=rules, alertmanager=manager) as url:
                assert serving.wait_for_scrapes(2, 20)
                first = int(time.time()) + 1
                for second in range(CALM + FAULT + AFTER):
                    due = first + second
                    until(lambda end=due + 1: time.time() >= end, "the second is over")
                    recorder = Recorder("load")
                    for n in range(20):
                        failed = CALM <= second < CALM + FAULT and n % 2
                        recorder.add("sign_in", due + n / 20, "failed" if failed else "ok", 0.01)
                    store.write(fold("load", recorder.take()))
                last = first + CALM + FAULT + AFTER
                firing = _firing(url, first, last)
                until(lambda: bool(on_call.of("resolved")), "the receiver is told that it is over")

    observed = RecordSource("record", (tmp_path,)).observe(objective, Span(first, last), 1)
    result = backtest(observed.history, objective.target, HOUR, [plan], every=1)
    ((fired,),) = (plan_result.fired for plan_result in result.results)
    assert fired.firing.fired_at == first + CALM + 5  # 4 s at half are 20 % of the 10 s, and not above
    assert fired.firing.reset_at == first + CALM + FAULT + 2
    assert firing, "Prometheus fired nothing"
    assert -1 <= firing[0] - fired.firing.fired_at <= LATEST
    # and the 2 s for which a last sample is looked back on
    assert -1 <= firing[-1] - fired.firing.reset_at <= LATEST + 2
    assert len(firing) == round(firing[-1] - firing[0]) + 1  # without a gap

    ((paged_at, labels), *_) = on_call.of("firing")
    assert -1 <= paged_at - fired.firing.fired_at <= LATEST + 2
    assert (labels["severity"], labels["objective"], labels["service"]) == ("page", "sign-in", "account")
    assert labels["team"] == "identity"
    ((told_at, _), *_) = on_call.of("resolved")
    assert -1 <= told_at - fired.firing.reset_at <= LATEST + 4
    assert somebody_else.calls == []
