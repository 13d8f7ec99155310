"""Locust's rounding, replaced where a scenario asks for `Visitor`: in a process of its own, as Locust patches it."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.locust_stats import three_digits

ASKED = """
import locust
from holdfast.load import Visitor
from locust.stats import RequestStats

stats = RequestStats()
for milliseconds in (147.3, 3432, 58760):
    stats.log_request("GET", "/", milliseconds, 0)
print(sorted(stats.total.response_times))
"""


@pytest.mark.parametrize(("exact", "kept"), [(0.4, 0), (147.3, 147), (999.7, 1000), (3432, 3430), (58_760, 58_800)])
def test_three_digits_are_kept(exact, kept):
    assert three_digits(exact) == kept


@given(st.floats(100, 1e7))
def test_it_is_never_more_than_half_a_percent_off(exact):
    assert abs(three_digits(exact) - exact) <= 0.005 * exact + 1e-6


def test_locusts_own_statistics_keep_them():
    ran = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[147, 3430, 58800]"
