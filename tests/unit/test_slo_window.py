"""Windows of time: rolling ones, and calendar ones by the clocks and months of their zone."""
# ruff: noqa: E501 - the table of calendars has a row for each

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.window import Calendar, Span, Window, parse_window, rolling, seconds_of

HOUR = 3600
DAY = 24 * HOUR


def at(text, zone="UTC"):
    """Seconds since the epoch of "2026-03-29 12:00"; of a time that clocks show twice, the first."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()


def calendar(duration, start="2026-01-01 00:00:00", zone="UTC"):
    return parse_window(duration, Calendar(start, zone))


def told(window, moment):
    """Start and end of the window that holds a moment, on the clocks of its zone, and its length in hours."""
    zone = window.calendar.zone
    span = window.span(at(moment, zone))
    start, end = (datetime.fromtimestamp(t, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") for t in (span.start, span.end))
    return start, end, span.seconds / HOUR


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m", 60),
        ("1h", HOUR),
        ("28d", 28 * DAY),
        ("4w", 28 * DAY),
        ("1M", 30 * DAY),
        ("1Q", 90 * DAY),
        ("1Y", 365 * DAY),
    ],
)
def test_a_rolling_window_ends_now_and_has_its_nominal_length(text, seconds):
    assert rolling(text).span(1_000_000_000.5) == Span(1_000_000_000.5 - seconds, 1_000_000_000.5)
    assert seconds_of(text) == seconds


# fmt: off
CALENDARS = [
    # a month, on its first moment, its last, and in between
    ("1M", "2026-01-01 00:00:00", "UTC", "2026-02-01 00:00", "2026-02-01 00:00", "2026-03-01 00:00", 28 * 24),
    ("1M", "2026-01-01 00:00:00", "UTC", "2026-01-31 23:59", "2026-01-01 00:00", "2026-02-01 00:00", 31 * 24),
    ("1M", "2020-01-21 12:30:00", "UTC", "2026-04-21 12:29", "2026-03-21 12:30", "2026-04-21 12:30", 31 * 24),
    # a leap day, and the century that has none
    ("1M", "2024-01-01 00:00:00", "UTC", "2024-02-10 00:00", "2024-02-01 00:00", "2024-03-01 00:00", 29 * 24),
    ("1Y", "2024-01-01 00:00:00", "UTC", "2024-12-31 23:59", "2024-01-01 00:00", "2025-01-01 00:00", 366 * 24),
    ("1M", "2026-01-01 00:00:00", "UTC", "2100-02-10 00:00", "2100-02-01 00:00", "2100-03-01 00:00", 28 * 24),
    ("1Y", "2024-02-29 00:00:00", "UTC", "2025-03-01 00:00", "2025-02-28 00:00", "2026-02-28 00:00", 365 * 24),
    ("1Y", "2024-02-29 00:00:00", "UTC", "2028-02-28 23:59", "2027-02-28 00:00", "2028-02-29 00:00", 366 * 24),
    # the 31st of months that lack it is their last, and comes back afterwards
    ("1M", "2026-01-31 00:00:00", "UTC", "2026-02-28 00:00", "2026-02-28 00:00", "2026-03-31 00:00", 31 * 24),
    ("1M", "2026-01-31 00:00:00", "UTC", "2026-04-30 12:00", "2026-04-30 00:00", "2026-05-31 00:00", 31 * 24),
    ("1M", "2026-01-30 00:00:00", "UTC", "2024-03-01 00:00", "2024-02-29 00:00", "2024-03-30 00:00", 30 * 24),
    # quarters and more
    ("1Q", "2026-01-01 00:00:00", "UTC", "2026-06-30 23:59", "2026-04-01 00:00", "2026-07-01 00:00", 91 * 24),
    ("2Q", "2026-01-01 00:00:00", "UTC", "2026-08-01 00:00", "2026-07-01 00:00", "2027-01-01 00:00", 184 * 24),
    ("1Q", "2025-11-30 00:00:00", "UTC", "2026-03-01 00:00", "2026-02-28 00:00", "2026-05-30 00:00", 91 * 24),
    ("100Y", "2000-01-01 00:00:00", "UTC", "2099-12-31 23:59", "2000-01-01 00:00", "2100-01-01 00:00", 36525 * 24),
    # clocks: the day they go forward, back, and weeks and months that hold it
    ("1d", "2026-01-01 00:00:00", "Europe/Berlin", "2026-03-29 12:00", "2026-03-29 00:00", "2026-03-30 00:00", 23),
    ("1d", "2026-01-01 00:00:00", "Europe/Berlin", "2026-10-25 12:00", "2026-10-25 00:00", "2026-10-26 00:00", 25),
    ("1w", "2026-01-05 00:00:00", "Europe/Berlin", "2026-03-29 12:00", "2026-03-23 00:00", "2026-03-30 00:00", 7 * 24 - 1),
    ("1w", "2026-01-05 00:00:00", "Europe/Berlin", "2026-10-25 23:59", "2026-10-19 00:00", "2026-10-26 00:00", 7 * 24 + 1),
    ("28d", "2026-01-05 09:00:00", "America/New_York", "2026-03-10 00:00", "2026-03-02 09:00", "2026-03-30 09:00", 28 * 24 - 1),
    ("1M", "2026-01-01 00:00:00", "America/New_York", "2026-11-10 00:00", "2026-11-01 00:00", "2026-12-01 00:00", 30 * 24 + 1),
    ("1Q", "2026-01-01 00:00:00", "Europe/Berlin", "2026-02-10 00:00", "2026-01-01 00:00", "2026-04-01 00:00", 90 * 24 - 1),
    ("1d", "2026-01-01 00:00:00", "Australia/Lord_Howe", "2026-04-05 12:00", "2026-04-05 00:00", "2026-04-06 00:00", 24.5),
    # a start that clocks skip that day is as much later, one that they show twice is the first
    ("1d", "2026-01-01 02:30:00", "Europe/Berlin", "2026-03-29 12:00", "2026-03-29 03:30", "2026-03-30 02:30", 23),
    ("1d", "2026-01-01 02:30:00", "Europe/Berlin", "2026-10-25 12:00", "2026-10-25 02:30", "2026-10-26 02:30", 25),
    # a zone half a day off, and the day that Samoa left out
    ("1d", "2026-01-01 00:00:00", "Asia/Kolkata", "2026-06-01 00:00", "2026-06-01 00:00", "2026-06-02 00:00", 24),
    ("1d", "2011-01-01 00:00:00", "Pacific/Apia", "2011-12-29 12:00", "2011-12-29 00:00", "2011-12-31 00:00", 24),
    # before the start time
    ("1M", "2026-01-01 00:00:00", "UTC", "2025-12-31 23:59", "2025-12-01 00:00", "2026-01-01 00:00", 31 * 24),
    ("2w", "2026-01-05 00:00:00", "UTC", "2026-01-04 23:59", "2025-12-22 00:00", "2026-01-05 00:00", 14 * 24),
    ("1Y", "9999-12-31 00:00:00", "UTC", "2026-12-30 00:00", "2025-12-31 00:00", "2026-12-31 00:00", 365 * 24),
    ("1d", "0001-01-01 00:00:00", "Asia/Tokyo", "2026-06-01 12:00", "2026-06-01 00:00", "2026-06-02 00:00", 24),
    # minutes and hours are elapsed time, also while clocks change
    ("8h", "2026-01-01 00:00:00", "UTC", "2026-01-02 07:59", "2026-01-02 00:00", "2026-01-02 08:00", 8),
    ("1h", "2026-01-01 00:00:00", "Europe/Berlin", "2026-03-29 03:00", "2026-03-29 03:00", "2026-03-29 04:00", 1),
    ("8h", "2026-01-01 00:00:00", "Europe/Berlin", "2026-03-29 12:00", "2026-03-29 09:00", "2026-03-29 17:00", 8),
    ("90m", "2026-01-01 00:00:00", "UTC", "2025-12-31 23:00", "2025-12-31 22:30", "2026-01-01 00:00", 1.5),
]
# fmt: on


@pytest.mark.parametrize(("duration", "first", "zone", "moment", "start", "end", "hours"), CALENDARS)
def test_a_calendar_window_is_as_long_as_the_calendar_makes_it(duration, first, zone, moment, start, end, hours):
    assert told(calendar(duration, first, zone), moment) == (start, end, hours)


def test_the_hour_that_clocks_show_twice_is_two_windows():
    window = calendar("1h", zone="Europe/Berlin")
    first = at("2026-10-25 02:00", "Europe/Berlin")

    assert window.span(first) == Span(first, first + HOUR)
    assert window.span(first + HOUR) == Span(first + HOUR, first + 2 * HOUR)


def test_the_moment_that_two_windows_share_belongs_to_the_later():
    window = calendar("1M")
    border = at("2026-02-01 00:00")

    assert window.span(border).start == border
    assert window.span(border - 1e-3).end == border


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1e12, 1e15])
def test_a_moment_without_a_date_is_refused(moment):
    with pytest.raises(ValueError, match="not a time"):
        calendar("1M").span(moment)


units = st.sampled_from("mhdwMQY")
zones = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Sao_Paulo",
    ]
)
starts = st.datetimes(datetime(1950, 1, 1), datetime(2100, 12, 31)).map(lambda d: d.strftime("%Y-%m-%d %H:%M:%S"))  # noqa: DTZ001 - local
moments = st.integers(int(at("1971-01-01 00:00")), int(at("2090-01-01 00:00"))).map(float)
windows = st.builds(
    lambda count, unit, start, zone: Window(count, unit, Calendar(start, zone)),
    st.integers(1, 40),
    units,
    starts,
    zones,
)


@given(windows, moments)
def test_the_window_of_a_moment_holds_it(window, moment):
    span = window.span(moment)

    assert span.start <= moment < span.end


@given(windows, moments)
def test_windows_tile_time_without_gap_or_overlap(window, moment):
    spans = [window.span(moment)]
    for _ in range(4):
        spans.append(window.span(spans[-1].end))

    assert all(one.end == two.start for one, two in itertools.pairwise(spans))
    assert all(window.span(span.end - 1).start == span.start for span in spans if span.seconds >= 1)


@given(windows, moments, moments)
def test_two_moments_have_one_window_or_two_that_do_not_overlap(window, one, two):
    a, b = window.span(min(one, two)), window.span(max(one, two))

    assert a == b or a.end <= b.start


@given(st.integers(1, 60), st.sampled_from("mhdwMQY"))
def test_a_duration_is_read_as_it_is_written(count, unit):
    assert parse_window(f"{count}{unit}").text == f"{count}{unit}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "d",
        "0d",
        "-1d",
        "+1d",
        " 1d",
        "1d ",
        "1 d",
        "1D",
        "1s",
        "1.5h",
        "1d1h",
        "01d",
        "1d\n",
        "٣d",
        "1001Y",
        28,
        None,
    ],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_window(text)
