"""Numbers in text that we did not write: a file of the kernel, a header, a cell, a line of a log.

Python reads more than that as a number. `int` and `float` take "１２", "1_000" and " 5 ", `float` takes "nan" and
"1e999"; `str.isdigit` holds of "²" and `str.isdecimal` of "١٢", and `int` refuses more than 4,300 digits with an error
of its own. What is read here is what programs write: ASCII digits, a number that is finite, or nothing.
"""

import math
import re
from typing import Final

_MOST_DIGITS: Final = 18  # of a whole number: below 2^63, as every counter, size and port is
_WHOLE: Final = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def whole(text: str) -> int | None:
    """ "17" → 17. None of anything but ASCII digits, and of more of them than a counter has."""
    return int(text) if _WHOLE.fullmatch(text) else None


def number(text: str) -> float | None:
    """ "1.5", "-2e3" → the number. None of what is not written in ASCII digits, and of what is not finite."""
    if not _DECIMAL.fullmatch(text):
        return None
    found = float(text)
    return found if math.isfinite(found) else None
