"""Quantities as people write them: "400ms", "28d", "40/s". Seconds and per-second inside."""

import math
import re
from typing import Final

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PER_SECOND: Final = {"s": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600}
DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)", re.ASCII)
RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(min|s|m|h)", re.ASCII)


def seconds(text: object) -> float:
    """ "30s" → 30.0. Raises ValueError with what to write; a bare number is refused, its unit being a guess."""
    match = DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not math.isfinite(float(match[1]) * _SECONDS[match[2]]):
        raise ValueError(f"{text!r} is not a duration: write a number and a unit (ms, s, m, h, d, w), such as 30s")
    return float(match[1]) * _SECONDS[match[2]]


def per_second(text: object) -> float:
    """ "40/s" → 40.0, "90/m" → 1.5. Raises ValueError with what to write."""
    match = RATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not math.isfinite(float(match[1])):
        raise ValueError(f"{text!r} is not an arrival rate: write a number per second or minute, such as 40/s or 90/m")
    return float(match[1]) * _PER_SECOND[match[2]]


def duration_text(duration: float) -> str:
    """For people: 0.0123 → "12 ms", 93 → "1 min 33 s"."""
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    if duration < 60:
        return f"{duration:.3g} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours / 24:.3g} d"
