"""`holdfast run --metrics`: a real Prometheus sees a real run, to its last sample."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.real_prometheus import MISSING, asked, free_port, prometheus, until

from holdfast.record.store import RunStore
from holdfast.slo.promql import SAMPLES
from holdfast.workspace.starter import copy_starter

pytestmark = [pytest.mark.integration, pytest.mark.skipif(MISSING, reason="there is no prometheus")]

PLAN = """kind: Plan
description: A little load, for seconds.
phases: [{name: baseline, for: 8s}]
load: [{profile: smoke, scale: 2}]
objectives: [{file: slo/self_service.yaml, only: [sign-in-availability, sign-in-latency]}]
"""


def test_a_run_is_scraped_while_it_is_on_and_to_its_last_sample(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    copy_starter(workspace)
    (workspace / "plans/short.yaml").write_text(PLAN, encoding="utf-8")
    port = free_port()
    with prometheus(tmp_path, f"127.0.0.1:{port}") as url:
        command = [sys.executable, "-m", "holdfast", "run", "short", "--metrics", f"127.0.0.1:{port}"]
        ran = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=180)
        assert f"metrics at http://127.0.0.1:{port}/metrics" in ran.stderr
        assert "were not scraped" not in ran.stderr
        (database,) = (workspace / "runs").glob("*/run.db")
        with RunStore.open(database) as store:
            recorded = sum(interval.count for interval in store.intervals())
        assert recorded > 0
        seen = f"sum(last_over_time({SAMPLES}[10m]))"  # the target has gone with its run
        until(lambda: asked(url, seen)[0][2] == recorded, "what was scraped last is stored")
        rose = asked(url, f"sum(increase({SAMPLES}[10m]))")[0][2]
        assert rose == pytest.approx(recorded, rel=0.2)  # increase() extrapolates; without a first 0 it saw a part
