"""Logs and curves: what is read, what is counted as unread, and that nothing at all makes a traceback."""

import gzip
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.drawing import dice

from holdfast.workspace.access_log import Log, moment, read_log
from holdfast.workspace.curve import Point, counted, curve_text, fitting_bin, load_curve
from holdfast.workspace.workspace import find_workspace, load_profile

LINE = '10.1.2.3 - bob [03/Mar/2026:09:00:{second:02d} {zone}] "GET {path} HTTP/1.1" 200 12 "https://x" "Mozilla/5.0"'
NINE = datetime(2026, 3, 3, 9, tzinfo=UTC).timestamp()
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def written(tmp_path: Path, text: str | bytes, name: str = "a.log") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def log_of(tmp_path: Path, text: str | bytes) -> Log:
    log, problems = read_log(written(tmp_path, text))
    assert log is not None, problems
    return log


def test_a_combined_log_gives_times_in_order_and_paths_without_queries(tmp_path: Path) -> None:
    lines = [LINE.format(second=s, zone="+0000", path=p) for s, p in [(5, "/b?user=bob#x"), (1, "/a")]]
    log = log_of(tmp_path, "\n".join(lines))
    assert log.times == (NINE + 1, NINE + 5)
    assert log.paths == ("/a", "/b")
    assert log.unread == 0


def test_time_zones_are_heeded_and_a_missing_one_is_counted(tmp_path: Path) -> None:
    zones = ["+0200", "-0530", "+0000"]
    log = log_of(tmp_path, "\n".join(LINE.format(second=0, zone=zone, path="/") for zone in zones))
    assert log.times == (NINE - 7200, NINE, NINE + 5.5 * 3600)
    log = log_of(tmp_path, "timestamp\n2026-03-03T09:00:00\n2026-03-03T11:00:00+02:00\n")
    assert (log.times, log.without_zone) == ((NINE, NINE), 1)


def test_garbage_lines_are_counted(tmp_path: Path) -> None:
    lines = [LINE.format(second=1, zone="+0000", path="/"), "nonsense", "[99/Foo/2026:00:00:00 +0000]", "", "\0\0"]
    log = log_of(tmp_path, "\n".join(lines))
    assert (len(log.times), log.unread) == (1, 3)


def test_a_gzip_file_is_read_and_a_torn_one_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(LINE.format(second=1, zone="+0000", path="/").encode() * 50)
    assert len(log_of(tmp_path, packed).times) == 1  # one long line
    for torn in (packed[:-9], packed[:20], packed[:12] + b"xxxxxxxx" + packed[20:]):
        log, problems = read_log(written(tmp_path, torn))
        assert log is None
        assert "cannot be read" in problems[0].what


def test_tickets_are_counted_by_topic(tmp_path: Path) -> None:
    log = log_of(tmp_path, "Topic,Count\nlogin,30\nlogin,5\nmoved,x\nbill,-3\n")
    assert log.topics == {"login": 35.0}
    assert log.unread == 2


@pytest.mark.parametrize("text", ["1772528400", "1772528400000", "2026-03-03T09:00:00Z", "2026-03-03 11:00:00+02:00"])
def test_a_moment_is_seconds_milliseconds_or_iso(text: str) -> None:
    assert moment(text) == NINE


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1", "1e300", "yesterday", "0001-01-01T00:00:00"])
def test_what_is_no_moment_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        moment(text)


@given(st.binary(max_size=600))
@same_folder
def test_no_bytes_make_a_traceback(tmp_path: Path, content: bytes) -> None:
    for made in (content, gzip.compress(content), b"timestamp,path\n" + content, b"topic,count\n" + content):
        path = written(tmp_path, made)
        read_log(path)
        load_curve(path)
    load_curve(written(tmp_path, b"offset,rate\n" + content))


def test_ten_thousand_mutated_lines_are_read_or_counted(tmp_path: Path) -> None:
    draw = dice(4)
    lines = []
    for second in range(10_000):
        line = bytearray(LINE.format(second=second % 60, zone="+0100", path="/v2/invoices?a=b").encode())
        for _ in range(draw.randrange(6)):
            at = draw.randrange(len(line))
            if draw.random() < 0.3:
                del line[at:]
                line += b"x"
            else:
                line[at] = draw.choice([c for c in range(256) if c != 10])
        lines.append(bytes(line))
    log = log_of(tmp_path, b"\n".join(lines))
    assert len(log.times) + log.unread == sum(bool(line.decode(errors="replace").strip()) for line in lines)
    assert len(log.times) > 4_000
    assert log.unread > 500


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=200), st.floats(0.5, 500))
def test_a_curve_of_counts_integrates_to_their_number(times: list[float], width: float) -> None:
    points = counted(times, width)
    area = sum((b.offset - a.offset) * (a.rate + b.rate) / 2 for a, b in pairwise(points))
    assert area == pytest.approx(len(times))
    assert points[0].offset == 0


def test_a_curve_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    points = [Point(0.0, 1.5), Point(60.0, 12.0), Point(61.5, 0.0)]
    assert load_curve(written(tmp_path, curve_text(points))) == (points, [])


def test_a_curve_may_begin_at_any_time_and_in_any_form(tmp_path: Path) -> None:
    text = "time,rate\n2026-03-03T09:00:00Z,60/m\n2026-03-03T09:01:00Z,2\n"
    assert load_curve(written(tmp_path, text)) == ([Point(0.0, 1.0), Point(60.0, 2.0)], [])
    assert load_curve(written(tmp_path, "offset,rate\n0s,1\n1m,2\n")) == ([Point(0.0, 1.0), Point(60.0, 2.0)], [])


def test_a_jump_of_a_curve_is_two_points_at_one_time(tmp_path: Path) -> None:
    points, problems = load_curve(written(tmp_path, "offset,rate\n0,1\n10,1\n10,5\n20,5\n"))
    assert not problems
    assert points[1:3] == [Point(10.0, 1.0), Point(10.0, 5.0)]


def test_every_wrong_line_of_a_curve_is_told_with_its_number(tmp_path: Path) -> None:
    _, problems = load_curve(written(tmp_path, "offset,rate\n0,1\nx,2\n5,-1\n9\n7,nan\n20,1\n10,1\n", "c.csv"))
    assert [problem.where.rsplit(":", 1)[1] for problem in problems] == ["3", "4", "5", "6", "8"]
    _, problems = load_curve(written(tmp_path, "offset,rate\n" + "x,y\n" * 500))
    assert len(problems) == 11


def test_a_clock_that_was_wrong_once_makes_no_curve_of_fifty_years(tmp_path: Path) -> None:
    _, problems = load_curve(written(tmp_path, "timestamp\n1\n1772528400\n"), 1.0)
    assert "bins" in problems[0].what


def test_a_bin_is_round_and_makes_about_two_hundred(tmp_path: Path) -> None:
    assert fitting_bin(Log(times=(0.0, 86_400.0)), None) == 600
    assert fitting_bin(Log(times=(0.0, 10.0)), None) == 1
    assert fitting_bin(Log(times=(0.0, 10.0)), 7.0) == 7


def profile_in(tmp_path: Path, stage: str):
    (tmp_path / "holdfast.yaml").write_text("targets: {r: {stack: reference}}\ndefault_target: r\n", encoding="utf-8")
    folder = tmp_path / "scenarios/profiles"
    folder.mkdir(parents=True, exist_ok=True)
    text = f"kind: LoadProfile\ndescription: x\nstages: [{stage}]\nmix: {{a: 1}}\n"
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return load_profile(find_workspace(tmp_path), "p")


def test_a_curve_is_found_beside_the_profile_then_in_the_workspace_stretched_and_scaled(tmp_path: Path) -> None:
    profile_in(tmp_path, "{curve: d.csv}")
    (tmp_path / "d.csv").write_text("offset,rate\n0,10\n60,20\n", encoding="utf-8")
    profile, _, problems = profile_in(tmp_path, "{curve: d.csv, over: 10m, scale: 2}")
    assert not problems
    assert profile is not None
    assert profile.seconds == 600
    assert profile.expected_arrivals(600) == pytest.approx(30 * 600)
    (tmp_path / "scenarios/profiles/d.csv").write_text("offset,rate\n0,1\n60,1\n", encoding="utf-8")
    profile, _, _ = profile_in(tmp_path, "{curve: d.csv}")
    assert profile is not None
    assert profile.expected_arrivals(60) == pytest.approx(60)


def test_a_curve_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    _, _, problems = profile_in(tmp_path, "{curve: gone.csv}")
    assert "p.yaml:3  stages[0].curve" in problems[0].where
    assert 'there is no file "gone.csv"' in problems[0].what


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("{hold: 1/s}", "hold needs for"),
        ("{hold: 1/s, for: 1s, over: 1s}", "hold has no over"),
        ("{spike_to: 9/s, over: 1s}", "spike_to needs for"),
        ("{hold: 1/s, ramp_to: 2/s, for: 1s}", "not hold and ramp_to"),
        ("{for: 1s}", "not none"),
        ("{stairs: {from: 1/s, to: 2/s, steps: 1}, over: 1s}", "too small"),
        ("{sine: {mean: 1/s, amplitude: 2/s, period: 1m}, for: 1m}", "fall below 0"),
        ("{sine: {mean: 0/s, amplitude: 0/s, period: 1m}, for: 1m}", "above 0"),
        ("{hold: 1/s, for: 1s, bin: 2s}", "hold has no bin"),
    ],
)
def test_a_wrong_stage_is_told_in_words_of_its_own(tmp_path: Path, stage: str, told: str) -> None:
    _, _, problems = profile_in(tmp_path, stage)
    assert len(problems) == 1
    assert told in problems[0].what
