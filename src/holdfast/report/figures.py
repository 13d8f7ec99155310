"""How numbers are written in every report: one way for people, rounded here and nowhere before.

A narrow no-break space (U+202F) stands between thousands and before units: no figure is torn apart by a line's end.
What is not known is an en dash.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

ABSENT: Final = "–"
_SPACE: Final = "\u202f"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def count(value: float | None) -> str:
    """12345 → "12 345"."""
    return ABSENT if value is None else f"{value:,.0f}".replace(",", _SPACE)


def several(number: float, noun: str) -> str:
    """1 → "1 line", 2 → "2 lines"."""
    said = count(number)
    return f"{said} {noun}" if said == "1" else f"{said} {noun}s"


def percent(ratio: float | None) -> str:
    """0.9987 → "99.87 %". As many digits as it takes not to round a miss up to 100 % or a failure down to 0 %."""
    if ratio is None:
        return ABSENT
    nearest = min(abs(ratio), abs(1 - ratio))
    digits = 0 if nearest == 0 else 1 if nearest >= 0.01 else 2 if nearest >= 0.001 else 3
    while (
        digits < 7 and nearest and ratio < 1 and f"{100 * ratio:.{digits}f}" in {_zeros(100, digits), _zeros(0, digits)}
    ):
        digits += 1
    text = f"{100 * ratio:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{_SPACE}%"


def share(ratio: float | None) -> str:
    """Of an error budget, which may be far below a percent or overspent many times: three digits that count."""
    if ratio is None:
        return ABSENT
    if ratio == 0:
        return f"0{_SPACE}%"
    return f"{_significant(100 * ratio)}{_SPACE}%"


def duration(seconds: float | None) -> str:
    """0.0123 → "12 ms", 1.5 → "1.5 s", 93 → "1 min 33 s"."""
    if seconds is None:
        return ABSENT
    if seconds < 0.9995:
        milliseconds = 1000 * seconds
        return (
            f"{milliseconds:.0f}{_SPACE}ms" if milliseconds >= 9.95 or not seconds else f"{milliseconds:.1f}{_SPACE}ms"
        )
    if seconds < 59.95:
        return f"{seconds:.3g}{_SPACE}s"
    return _long(round(seconds))


def signed_duration(seconds: float | None) -> str:
    """Of a budget, which may be overdrawn: -90 → "-1 min 30 s"."""
    return f"-{duration(-seconds)}" if seconds is not None and seconds < 0 else duration(seconds)


def money(amount: str | None, currency: str) -> str:
    """ "1200.00" → "1200.00 EUR": to the last digit that was worked out."""
    return ABSENT if amount is None else f"{amount}{_SPACE}{currency}"


def rate(per_second: float | None) -> str:
    """12.345 → "12.3/s"."""
    return ABSENT if per_second is None else f"{_significant(per_second)}/s"


def number(value: float | None) -> str:
    """A plain figure: three digits that count, thousands apart."""
    return ABSENT if value is None else _significant(value)


def checked(name: str, value: float | None) -> str:
    """A value or limit of a check of the measurement, in that check's own unit."""
    return _OF_CHECKS.get(name, number)(value)


def moment(at: float | None) -> str:
    """Seconds since the epoch → "2026-03-01 09:30:00 UTC"."""
    return ABSENT if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def words(name: str) -> str:
    """`timed_out`, `not-recovered` → as a person reads them."""
    return name.replace("_", " ").replace("-", " ").replace("clean up", "clean-up")


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + ended(text[1:]) if text else ""


def ended(text: str) -> str:
    """With a full stop, unless it ends already."""
    return text if text.endswith((".", "!", "?", ".)")) else f"{text}."


def printable(text: str) -> str:
    """Without control characters: they have no place in a report, and could steer the terminal that shows it."""
    return _CONTROL.sub("\ufffd", text)


def _zeros(whole: int, digits: int) -> str:
    return f"{whole:.{digits}f}"


def _significant(value: float) -> str:
    if abs(value) >= 100:
        return count(value)
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def _long(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(index for index, (amount, _) in enumerate(parts) if amount)
    shown = [f"{amount}{_SPACE}{unit}" for amount, unit in parts[first : first + 2] if amount]
    return " ".join(shown)


_OF_CHECKS: Final[Mapping[str, Callable[[float | None], str]]] = {
    "lag": duration, "loop_delay": duration, "clock": duration,
    "cpu": percent, "machine_cpu": percent, "steal": percent, "throttled": percent, "descriptors": percent,
    "ceiling": percent, "dropped": percent, "accounts": percent, "rate_limited": percent, "unfinished": percent,
    "idle_closed": percent, "machine": percent,
    "local_limits": count, "reconciled": count, "samples": count, "workers": count, "deltas": count,
    "children": count, "reference_stack": count, "scenarios": count, "journey_clean_up": count, "browser": count,
    "other_runs": count,
}  # fmt: skip
"""The unit of each check; what is not here is a plain number."""
