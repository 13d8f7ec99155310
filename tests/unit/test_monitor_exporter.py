"""What a scrape shows of records, as they grow."""

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.errors import InputError
from holdfast.monitor.exporter import Exporter, edges_of
from holdfast.monitor.metrics import LADDER, METRICS
from holdfast.monitor.serving import Serving, listening
from holdfast.record.idle_closes import settled_from, settled_intervals
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import IDLE_CLOSED, NO_ACCOUNT, OUTCOMES, THINKING
from holdfast.record.store import Gauge, RunStore
from holdfast.slo.indicator import Indicator, Selector, count
from holdfast.slo.objective import Objective
from holdfast.slo.window import parse_window

SAMPLES, BUCKET = "holdfast_samples_total", "holdfast_response_seconds_bucket"
UNCOUNTED = "holdfast_uncounted_samples_total"


def _objective(under: float = 0.4) -> Objective:
    indicator = Indicator("i", Selector(("a",)), good=Selector(("a",), None, ("ok",), under))
    return Objective("quick", "", "shop", "", Decimal("0.95"), parse_window("28d"), indicator, "", "", where="x")


def _write(store: RunStore, *samples: tuple[str, str, float], at: float = 100.0, source: str = "load") -> None:
    recorder = Recorder(source)
    for name, outcome, duration in samples:
        recorder.add(name, at, outcome, duration)
    store.write(fold(source, recorder.take()))


def _values(exporter: Exporter) -> dict[tuple[str, str, str, str], float]:
    """By metric, name, outcome and le."""
    return {
        (sample.name, *(sample.labels.get(label, "") for label in ("name", "outcome", "le"))): sample.value
        for family in text_string_to_metric_families(exporter.text().decode())
        for sample in family.samples
    }


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "run.db"
    RunStore.create(path).close()
    return path


def test_what_was_there_before_is_where_counters_begin(database: Path) -> None:
    with RunStore.open(database) as store:
        _write(store, ("a", "ok", 0.1), ("a", "ok", 0.3), ("a", "failed", 9.0))
    found = _values(Exporter(lambda: [database]))
    assert found[SAMPLES, "a", "ok", ""] == 2
    assert found[SAMPLES, "a", "failed", ""] == 1
    assert {outcome for metric, name, outcome, _ in found if metric == SAMPLES and name == "a"} == set(OUTCOMES)
    assert found[BUCKET, "a", "ok", "0.25"] == 1
    assert found[BUCKET, "a", "ok", "+Inf"] == 2
    assert (BUCKET, "a", "timed_out", "+Inf") not in found


def test_a_series_that_comes_later_is_shown_as_nothing_once(database: Path) -> None:
    exporter = Exporter(lambda: [database])
    with RunStore.open(database) as store:
        _write(store, ("a", "ok", 0.1))
        found = _values(exporter)
        assert found[SAMPLES, "a", "ok", ""] == found[BUCKET, "a", "ok", "+Inf"] == 0
        _write(store, ("a", "ok", 0.1), ("a", "failed", 0.1))
        found = _values(exporter)
        assert found[SAMPLES, "a", "ok", ""] == found[BUCKET, "a", "ok", "+Inf"] == 2
        assert found[SAMPLES, "a", "failed", ""] == found[BUCKET, "a", "failed", "+Inf"] == 0
    assert _values(exporter)[SAMPLES, "a", "failed", ""] == 1


def test_each_row_is_counted_once_however_often_it_is_scraped(database: Path) -> None:
    exporter = Exporter(lambda: [database])
    with RunStore.open(database) as store:
        for scrape in range(5):
            _write(store, ("a", "ok", 0.1), at=100.0 + scrape)
            _values(exporter)
    assert [_values(exporter)[SAMPLES, "a", "ok", ""] for _ in range(2)] == [5, 5]


def test_every_limit_of_an_objective_is_an_edge_that_counts_as_the_record_does(database: Path) -> None:
    edges = edges_of([_objective(0.4), _objective(700 * 0.001), _objective(1.0)])
    assert edges == tuple(sorted({*LADDER, 0.4, 700 * 0.001}))
    with RunStore.open(database) as store:
        _write(store, *(("a", "ok", 0.396 + 0.0005 * n) for n in range(20)))
        (interval,) = store.intervals()
    found = _values(Exporter(lambda: [database], [_objective(0.4)]))
    assert 0 < found[BUCKET, "a", "ok", "0.4"] < 20
    for edge in LADDER:
        assert found[BUCKET, "a", "ok", f"{edge:.15g}" if edge % 1 else f"{edge:.1f}"] == interval.response.count_up_to(
            edge
        )
    assert found[BUCKET, "a", "ok", "0.4"] == interval.response.count_up_to(0.4)


def test_records_of_a_history_add_up_and_new_ones_are_found(tmp_path: Path) -> None:
    def databases() -> list[Path]:
        return sorted(tmp_path.glob("*.db"))

    with RunStore.create(tmp_path / "1.db") as store:
        _write(store, ("a", "ok", 0.1))
    exporter = Exporter(databases)
    with RunStore.create(tmp_path / "2.db") as store:
        _write(store, ("a", "ok", 0.1), ("a", "ok", 0.1))
    (tmp_path / "3.db").write_bytes(b"")  # just being made
    assert _values(exporter)[SAMPLES, "a", "ok", ""] == 3


def test_what_no_objective_counts_is_kept_apart(database: Path) -> None:
    recorder = Recorder("load")
    for outcome, detail in (("ok", ""), ("dropped", NO_ACCOUNT), ("dropped", "all busy"), (THINKING, "")):
        recorder.add("a", 100.0, outcome, 0.1, detail=detail)
    with RunStore.open(database) as store:
        store.write(fold("load", recorder.take()))
        counts = count(store.intervals(), _objective().indicator, 0, 1_000)
    found = _values(Exporter(lambda: [database]))
    counted = sum(value for (metric, *_), value in found.items() if metric == SAMPLES)
    assert counted == counts.total_events == 2
    assert found[SAMPLES, "a", "dropped", ""] == counts.bad_events == 1
    assert found[UNCOUNTED, "a", "dropped", ""] == found[UNCOUNTED, "a", THINKING, ""] == 1


@pytest.mark.parametrize("broken", [False, True])
def test_the_end_of_an_idle_connection_is_shown_once_it_is_known_whose_fault_it_was(
    database: Path, *, broken: bool
) -> None:
    now = [100.5]
    exporter = Exporter(lambda: [database], now=lambda: now[0])
    with RunStore.open(database) as store:
        _write(store, *[("a/b/GET c", "ok", 0.1)] * 9, ("a/b/GET c", IDLE_CLOSED, 0.5))
        too_new = _values(exporter)
        assert too_new[SAMPLES, "a/b/GET c", "ok", ""] == 0  # of a series that came later
        assert (UNCOUNTED, "a/b/GET c", IDLE_CLOSED, "") not in too_new
        if broken:
            _write(store, ("a/b/GET d", "transport_error", 0.1), at=102.0)
        (closed,) = (i for i in store.intervals() if i.outcome == IDLE_CLOSED)
        judged = sum(i.count for i in settled_intervals(store) if i.outcome == "transport_error")
    now[0] = settled_from(closed)
    for _ in range(2):
        found = _values(exporter)
    assert found[SAMPLES, "a/b/GET c", "transport_error", ""] == int(broken)
    assert found.get((UNCOUNTED, "a/b/GET c", IDLE_CLOSED, ""), 0) == int(not broken)
    assert sum(v for (m, _, outcome, _), v in found.items() if m == SAMPLES and outcome == "transport_error") == judged


def test_names_are_bounded_and_what_is_left_out_is_told(database: Path) -> None:
    with RunStore.open(database) as store:
        _write(store, *((f"a{n}", "ok", 0.1) for n in range(5)))
    exporter = Exporter(lambda: [database], most_names=3)
    found = _values(exporter)
    assert len({name for metric, name, _, _ in found if metric == SAMPLES}) == 3
    assert found["holdfast_names_left_out", "", "", ""] == exporter.left_out == 2


def test_objectives_are_told_beside_their_last_burn_rate(database: Path) -> None:
    with RunStore.open(database) as store:
        _write(store, ("a", "ok", 0.1), at=1234.5)
        store.write_gauges([Gauge(1, "guard", "quick/burn_rate", 3.0), Gauge(2, "guard", "quick/burn_rate", 2.5)])
    text = Exporter(lambda: [database], [_objective()]).text().decode()
    assert 'holdfast_objective_target_ratio{objective="quick",service="shop"} 0.95' in text
    assert 'holdfast_objective_window_seconds{objective="quick",service="shop"} 2.4192e+06' in text
    assert 'holdfast_objective_burn_rate_ratio{objective="quick"} 2.5' in text
    assert "holdfast_last_sample_timestamp_seconds 1234.0" in text


def test_all_that_is_exported_is_in_the_table(database: Path) -> None:
    with RunStore.open(database) as store:
        _write(store, ("a", "ok", 0.1))
        store.write_gauges([Gauge(1, "guard", "quick/burn_rate", 3.0)])
    families = list(text_string_to_metric_families(Exporter(lambda: [database], [_objective()]).text().decode()))
    kinds = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    assert kinds == {metric.name: metric.kind for metric in METRICS}
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    for family in families:
        for sample in family.samples:
            name = next(name for name in labels if sample.name.startswith(name))
            assert set(sample.labels) - {"le"} == labels[name]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")
def test_promtool_finds_nothing_to_say(database: Path) -> None:
    with RunStore.open(database) as store:
        _write(store, ("a", "ok", 0.1), ("a/b", "failed", 2.0), ("a/b/GET c", "dropped", 0.0))
        store.write_gauges([Gauge(1, "guard", "quick/burn_rate", 3.0)])
    text = Exporter(lambda: [database], [_objective()]).text()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


# ── its address ──


def _get(url: str, key: str = "") -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_metrics_are_served_to_whoever_has_the_key() -> None:
    with Serving(lambda: b"a 1\n", "127.0.0.1", 0, "the right key of ours") as serving:
        assert _get(serving.url)[0] == 401
        assert _get(serving.url, "the wrong key of them")[0] == 401
        assert serving.scrapes == 0
        assert _get(serving.url, "the right key of ours") == (200, b"a 1\n")
        deadline = time.monotonic() + 5  # it is counted once it is sent, which its reader may see first
        while not serving.scrapes and time.monotonic() < deadline:
            time.sleep(0.001)
        assert serving.scrapes == 1
        assert not serving.wait_for_scrapes(1, 0.0)


def test_nothing_else_is_served() -> None:
    with Serving(lambda: b"a 1\n", "127.0.0.1", 0, "") as serving:
        assert _get(serving.url) == (200, b"a 1\n")
        assert _get(serving.url.replace("/metrics", "/"))[0] == 404
        with pytest.raises(InputError, match="cannot be listened on"):
            Serving(lambda: b"", "127.0.0.1", int(serving.url.rsplit(":", 1)[1].split("/")[0]), "")


def test_a_key_of_any_letters_is_taken_as_prometheus_sends_it() -> None:
    key = "ein Schlüssel für uns"
    with Serving(lambda: b"a 1\n", "127.0.0.1", 0, key) as serving:
        assert _get(serving.url, key.encode().decode("latin-1")) == (200, b"a 1\n")


def test_beyond_this_machine_there_must_be_a_key(tmp_path: Path) -> None:
    assert listening("127.0.0.1:9464", "--listen", None, {}) == ("127.0.0.1", 9464, "")
    assert listening("[::1]:9464", "--listen", None, {}) == ("::1", 9464, "")
    with pytest.raises(InputError, match="metrics that other machines can read need a key"):
        listening("0.0.0.0:9464", "--listen", None, {})
    key = "sixteen characters or more"
    assert listening("0.0.0.0:9464", "--listen", None, {"HOLDFAST_EXPORTER_KEY": key})[2] == key
    file = tmp_path / "key"
    file.write_text(key)
    file.chmod(0o644)
    with pytest.raises(InputError, match="others can read it"):
        listening("127.0.0.1:9464", "--listen", file, {})
    file.chmod(0o600)
    assert listening("127.0.0.1:9464", "--listen", file, {})[2] == key
