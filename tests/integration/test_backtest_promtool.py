"""Prometheus' own evaluation fires and resets when the playback says: promtool plays the same histories by rules that
are written by hand here.

One sample of two counters a minute, both 0 at first, so that increase() over a range of whole minutes is exactly what
happened in it. promtool is asked at the evaluation before each predicted firing and reset, and at it.
"""

import json
import shutil
import subprocess
from decimal import Decimal

import numpy as np
import pytest
from tests.unit.histories import history, of

from holdfast.slo.alert import plan_of, plan_of_conditions
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows
from holdfast.slo.objective import Condition
from holdfast.slo.playback import play, sums_of
from holdfast.slo.promql import range_text

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]
TARGET, PERIOD = Decimal("0.99"), 28 * DAY
SHORT = BurnWindows(
    "short",
    "the workbook's rows, in minutes",
    (
        BurnRow("page", 12 * MINUTE, MINUTE * 2, Decimal("0.02")),
        BurnRow("page", HOUR, 5 * MINUTE, Decimal("0.05")),
        BurnRow("ticket", 4 * HOUR, 20 * MINUTE, Decimal("0.10")),
    ),
)


def noisy(seed: int, steps: int = 1500):
    rng = np.random.default_rng(seed)
    total = rng.poisson(rng.choice([3.0, 40.0, 400.0]), steps)
    ratio = np.full(steps, 0.003)
    for _ in range(6):
        begin, length = rng.integers(0, steps), rng.integers(1, 120)
        ratio[begin : begin + length] = rng.choice([0.03, 0.1, 0.4, 1.0])
    total[rng.integers(0, steps) :][:30] = 0
    return of(rng.binomial(total, ratio), total)


CASES = {
    "an outage": (history((300, 0), (30, 1), (900, 0)), SHORT, PERIOD // 7),
    "a slow burn": (history((300, 0), (200, 0.05), (300, 0)), SHORT, PERIOD // 7),
    "the workbook's windows": (history((500, 0.001), (60, 0.2), (900, 0), (300, 0.02), (400, 0)), WORKBOOK, PERIOD),
    "bad from the first minute": (history((50, 0.5), (300, 0)), SHORT, PERIOD // 7),
    **{f"noise {seed}": (noisy(seed), SHORT, PERIOD // 7) for seed in (0, 1, 2, 4, 5, 6)},
}


def ratio(window: int) -> str:
    return f"increase(bad[{range_text(window)}]) / increase(events[{range_text(window)}])"


def expression(alert) -> str:
    rows = [
        " and ".join(f"({ratio(limit.window)} {OPS[limit.op]} {float(limit.threshold)!r})" for limit in row.limits)
        for row in alert.rows
    ]
    return " or ".join(f"({row})" for row in rows)


OPS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def counter(values) -> str:
    return " ".join(str(int(value)) for value in np.concatenate(([0], np.cumsum(values))))


def agrees(folder, played, alerts) -> subprocess.CompletedProcess[str]:
    """What promtool says of every evaluation at which something is predicted to change, and of the one before."""
    expected = {alert.name: play(sums_of(played), alert, every=60).firings for alert in alerts}
    rules = [
        {"alert": alert.name, "expr": expression(alert), **({"for": f"{alert.after}s"} if alert.after else {})}
        for alert in alerts
    ]
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "interval": "1m", "rules": rules}]}))
    tests = []
    for name, firings in expected.items():
        changes = {moment for firing in firings for moment in (firing.fired_at, firing.reset_at) if moment is not None}
        for moment in sorted({m for change in changes for m in (change - 60, change)} | {60, played.end}):
            firing = any(f.fired_at <= moment and (f.reset_at is None or moment < f.reset_at) for f in firings)
            tests.append(
                {
                    "eval_time": f"{moment}s",
                    "alertname": name,
                    "exp_alerts": [{"exp_labels": {}, "exp_annotations": {}}] if firing else [],
                }
            )
    series = [
        {"series": "bad", "values": counter(played.bad)},
        {"series": "events", "values": counter(played.total)},
    ]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": tests}
    (folder / "test.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]})
    )
    return subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("case", CASES)
def test_promtool_fires_and_resets_at_the_predicted_evaluations(tmp_path, case):
    played, windows, period = CASES[case]
    alerts = plan_of(windows, TARGET, period).alerts
    assert any(play(sums_of(played), alert, every=60).firings for alert in alerts)
    ran = agrees(tmp_path, played, alerts)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("op", ["gt", "gte", "lt", "lte"])
def test_promtool_agrees_on_an_openslo_condition_that_waits(tmp_path, op):
    condition = Condition("one", "page", op, Decimal(5), 10 * MINUTE, 7 * MINUTE)
    played = history((60, 0.001), (9, 0.2), (60, 0.001), (3, 0.9), (60, 0.07))
    ran = agrees(tmp_path, played, plan_of_conditions([condition], TARGET).alerts)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_does_not_agree_with_a_prediction_that_is_a_minute_off(tmp_path):
    """The comparison can fail: the same rules on a history in which the fault begins one step later."""
    alerts = plan_of(SHORT, TARGET, PERIOD // 7).alerts
    agrees(tmp_path, history((300, 0), (30, 1), (900, 0)), alerts)
    later = json.loads((tmp_path / "test.yml").read_text())
    shifted = history((301, 0), (30, 1), (899, 0))
    later["tests"][0]["input_series"][0]["values"] = counter(shifted.bad)
    (tmp_path / "test.yml").write_text(json.dumps(later))
    assert subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True).returncode != 0
