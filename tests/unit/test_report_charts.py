"""Pictures are whole Vega-Lite specifications with what was measured in them."""

import json
from dataclasses import replace

import pytest
from tests.unit.report_samples import VARIANTS, all_met, fault_hurt, no_data

from holdfast.report.charts import (
    budget_chart,
    capacity_chart,
    funnel_chart,
    shape_chart,
    sizing_chart,
    timeline_chart,
    to_png,
)
from holdfast.report.charts.drawing import log_seconds
from holdfast.report.palette import COLOURS
from holdfast.report.rows import MOST_POINTS, fault_rows, gauge_rows, second_rows
from holdfast.run.shape import shape_of
from holdfast.run.summary import TimelineFault, TimelineJourney, TimelineLatency
from holdfast.workspace.profile import LoadProfile

PNG = b"\x89PNG\r\n\x1a\n"


def _all_charts(summary):
    capacity = summary.capacity
    return {
        "timeline": timeline_chart(summary),
        "budget": budget_chart(summary),
        "funnel": funnel_chart(summary.load.funnels[0]) if summary.load else None,
        "capacity": capacity_chart(capacity) if capacity else None,
        "sizing": sizing_chart(capacity.sizing) if capacity and capacity.sizing else None,
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_picture_of_every_sample_is_json_without_not_a_number(variant):
    for name, spec in _all_charts(VARIANTS[variant]()).items():
        assert json.loads(json.dumps(spec, allow_nan=False)) == spec, name


def test_the_timeline_holds_phases_faults_outcomes_latency_journeys_and_replicas():
    spec = timeline_chart(fault_hurt())
    data = spec["datasets"]
    assert [row["name"] for row in data["phases"]] == ["warm_up", "baseline", "fault", "recovery"]
    assert [row["name"] for row in data["faults"]] == ["replica_kill"]
    assert len(data["seconds"]) == 135 + 1  # the last second ends where a row says so
    assert {"s", "rate", "p50", "p95", "p99"} <= set(data["seconds"][60])
    assert len(data["journeys"]) == len(fault_hurt().timeline.journeys)
    assert data["gauge-replicas_ready"]


def test_every_panel_of_the_timeline_follows_one_zoom():
    spec = timeline_chart(fault_hurt())
    for panel in spec["vconcat"][1:]:
        scales = [layer["encoding"]["x"]["scale"] for layer in panel["layer"] if "x" in layer["encoding"]]
        assert scales
        assert all(scale["domain"] == {"param": "zoom"} for scale in scales)


def test_nothing_measured_is_no_picture():
    assert timeline_chart(no_data()) is None
    assert budget_chart(no_data()) is None


def test_a_single_second_in_which_nothing_ended_is_drawn():
    sample = all_met()
    empty = {"outcomes": {}, "ended": {}, "latencies": (), "journeys": (), "gauges": {}, "budget_left": {}}
    second = replace(sample.timeline, seconds=(0,), rate=(20.0,), p50=(None,), p95=(None,), p99=(None,), **empty)
    assert timeline_chart(replace(sample, timeline=second))["vconcat"]


def test_a_run_without_load_still_shows_its_journeys():
    sample = all_met()
    empty = replace(sample.timeline, rate=tuple(0.0 for _ in sample.timeline.seconds), outcomes={})
    spec = timeline_chart(replace(sample, timeline=empty))
    assert len(spec["vconcat"]) == 4  # the strip, journeys, two gauges


def test_no_picture_loads_anything():
    for spec in _all_charts(fault_hurt()).values():
        assert '"url"' not in json.dumps(spec)


def test_every_colour_of_a_picture_is_one_of_the_palette():
    for spec in _all_charts(fault_hurt()).values():
        named = {part.split(")")[0] for part in json.dumps(spec).split("var(--")[1:]}
        assert named <= set(COLOURS)


def test_a_long_run_is_thinned_to_what_a_screen_can_show_and_keeps_its_slowest_second():
    timeline = fault_hurt().timeline
    many = 5000
    lane = tuple(9.0 if second == 2501 else 0.1 for second in range(many))
    long = replace(
        timeline,
        seconds=tuple(range(many)),
        rate=(20.0,) * many,
        outcomes={"ok": (20,) * many},
        p50=lane,
        p95=lane,
        p99=lane,
        phases=(),
        faults=(),
        journeys=(),
    )
    rows = second_rows(long)
    assert len(rows) <= MOST_POINTS + 1
    assert max(row["p95"] for row in rows if row["p95"] is not None) == 9.0
    assert {row["rate"] for row in rows} == {20.0}


def test_a_short_dip_of_a_gauge_is_not_thinned_away():
    points = [(float(second), 1.0 if second == 777 else 2.0) for second in range(10_000)]
    assert [row["value"] for row in gauge_rows(points)] == [2.0, 1.0, 2.0, 2.0]


def test_a_fault_not_seen_to_end_lasts_as_long_as_the_run():
    timeline = replace(fault_hurt().timeline, faults=(TimelineFault("left_in", 56.0, None),))
    assert fault_rows(timeline, 38, 24, 1)[0]["end"] == 135.0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_can_be_saved_as_a_file(theme):
    spec = funnel_chart(fault_hurt().load.funnels[0])
    assert to_png(spec, 1.0, theme).startswith(PNG)


def test_a_load_profile_is_drawn_as_planned_and_as_drawn():
    asked = {"kind": "LoadProfile", "description": "x", "mix": {"a": 1}}
    planned = LoadProfile.model_validate(asked | {"stages": [{"ramp_to": "40/s", "over": "30s"}]})
    spec = shape_chart(shape_of("x", planned, scale=1.0, seed=1))
    rows = spec["datasets"]["seconds"]
    assert len(rows) == 30
    assert sum(row["planned"] for row in rows) == pytest.approx(600)
    assert to_png(spec).startswith(PNG)
    long = LoadProfile.model_validate(asked | {"stages": [{"hold": "1/s", "for": "9h"}]})
    assert len(shape_chart(shape_of("x", long, scale=1.0, seed=1))["datasets"]["seconds"]) <= MOST_POINTS
    closed = LoadProfile.model_validate(asked | {"virtual_users": 3})
    assert shape_chart(shape_of("x", closed, scale=1.0, seed=1)) is None


def _y_titles(spec):
    """Of each view that measures along y: what its axis says."""
    for view in spec.get("vconcat", [spec]):
        ys = [layer.get("encoding", {}).get("y", {}) for layer in view.get("layer", [view])]
        measured = [y for y in ys if y.get("type") == "quantitative" and y.get("axis", 0) is not None]
        if measured:
            yield {y["title"] for y in measured if y.get("title")}


@pytest.mark.parametrize("name", ["timeline", "budget", "capacity", "sizing"])
def test_every_y_axis_says_what_it_measures(name):
    titles = list(_y_titles(_all_charts(fault_hurt())[name]))
    assert titles
    assert all(len(found) == 1 for found in titles)


def test_quantiles_are_told_apart_without_colour_and_p99_lies_on_top():
    latency = next(v for v in timeline_chart(fault_hurt())["vconcat"] if "quantile" in json.dumps(v))
    lines = next(layer for layer in latency["layer"] if "strokeDash" in layer.get("encoding", {}))
    dashes = lines["encoding"]["strokeDash"]["scale"]["range"]
    assert len({tuple(dash) for dash in dashes}) == 3
    folded = next(step["fold"] for step in lines["transform"] if "fold" in step)
    assert folded[-1] == "p99"


def test_a_walk_is_marked_where_it_ended_and_not_where_it_began():
    sample = fault_hurt()
    walk = TimelineJourney("reset", 50.0, "timed_out", 8.0)
    spec = timeline_chart(replace(sample, timeline=replace(sample.timeline, journeys=(walk,))))
    assert spec["datasets"]["journeys"][0]["drawn_end"] == 58.0
    marks = [
        layer["encoding"]["x"]["field"]
        for panel in spec["vconcat"]
        for layer in panel["layer"]
        if layer["mark"]["type"] == "point" and layer["data"]["name"] == "journeys"
    ]
    assert marks == ["drawn_end"]


def test_names_of_faults_stand_each_in_a_lane_of_its_own():
    faults = tuple(TimelineFault(f"fault_{i}", 50.0 + i, 60.0) for i in range(3))
    timeline = replace(fault_hurt().timeline, faults=faults)
    rows = fault_rows(timeline, 38, 24, 3)
    assert len({row["label"] for row in rows}) == 3
    assert timeline_chart(replace(fault_hurt(), timeline=timeline))["vconcat"][0]["height"] == 38 + 3 * 24


def test_a_visit_stands_in_the_second_in_which_it_ended():
    """Due at 50 s and failed at 58 s: drawn at 58 s, when the fault was in, and not before it."""
    sample = fault_hurt().timeline
    failed = tuple(1 if second == 58 else 0 for second in sample.seconds)
    due = tuple(1 if second == 50 else 0 for second in sample.seconds)
    timeline = replace(sample, outcomes={"failed": due}, ended={"failed": failed}, journeys=())
    drawn = [row["s"] for row in second_rows(timeline) if row["o0"]]
    assert drawn == [58]


def test_an_objective_with_a_limit_has_its_response_times_and_its_line():
    sample = fault_hurt()
    lane = tuple(0.3 for _ in sample.timeline.seconds)
    limited = TimelineLatency("sign-in-latency", "Sign-in is quick", 0.4, 0.95, lane, lane, lane)
    spec = timeline_chart(replace(sample, timeline=replace(sample.timeline, latencies=(limited,))))
    assert spec["datasets"]["latency-0-limit"] == [{"response": 0.4}]
    panel = next(p for p in spec["vconcat"] if "Sign-in is quick" in json.dumps(p.get("title", "")))
    assert panel["title"]["subtitle"] == "red line: 95\u202f% within 400\u202fms"
    kinds = [layer["mark"]["type"] for layer in panel["layer"] if layer["data"]["name"] == "latency-0-limit"]
    assert kinds == ["rule"]  # what it says stands over the panel, where no curve crosses it


@pytest.mark.parametrize("limit", [0.02, 4.0])
def test_the_line_of_an_objective_is_seen_however_far_it_is_from_what_was_measured(limit):
    sample = fault_hurt()
    lane = tuple(0.3 for _ in sample.timeline.seconds)
    limited = TimelineLatency("sign-in-latency", "Sign-in is quick", limit, 0.95, lane, lane, lane)
    spec = timeline_chart(replace(sample, timeline=replace(sample.timeline, latencies=(limited,))))
    panel = next(p for p in spec["vconcat"] if "Sign-in is quick" in json.dumps(p.get("title", "")))
    domains = [
        layer["encoding"]["y"]["scale"]["domain"]
        for layer in panel["layer"]
        if "scale" in layer["encoding"].get("y", {})
    ]
    assert domains
    assert all(low < limit < high for low, high in domains)


def test_a_walk_that_ends_after_the_last_phase_does_not_stretch_its_panel_beside_the_others():
    sample = fault_hurt()
    walk = TimelineJourney("reset", 130.0, "timed_out", 30.0)
    spec = timeline_chart(replace(sample, timeline=replace(sample.timeline, journeys=(walk,))))
    assert spec["datasets"]["journeys"][0]["drawn_end"] == 135.0


@pytest.mark.parametrize("values", [(0.15, 0.23), (0.2, 0.2), (0.05, 9.0), (0.001, 30.0), (1.0, 1.9)])
def test_a_scale_of_response_times_has_a_few_ticks_however_narrow_it_is(values):
    ticks = log_seconds(values, "response", "response time").to_dict()["axis"]["values"]
    assert 3 <= len(ticks) <= 14
    assert len(ticks) <= 8 or max(values) / min(values) > 100
