"""Locust's own statistics, which its web page shows, kept to three digits instead of two: 0.5 % off instead of 5 %.

Nothing of holdfast's is read from them. A scenario file that sets another rounding after its imports has its way.
"""

from typing import Final

_FUNCTION: Final = "bucket_response_time"  # what Locust calls with each response time, by this name in its module
_EXACT_BELOW: Final = 1000


def keep_three_digits() -> None:
    """Where this Locust lets its rounding be replaced."""
    import locust.stats  # not before it is wanted: it patches the process

    if hasattr(locust.stats, _FUNCTION):
        setattr(locust.stats, _FUNCTION, three_digits)


def three_digits(milliseconds: float) -> int:
    """147.3 → 147, 3432 → 3430, 58760 → 58800: at most 900 keys for each power of ten."""
    if milliseconds < _EXACT_BELOW:
        return round(milliseconds)
    return int(round(milliseconds, 3 - len(str(int(milliseconds)))))
