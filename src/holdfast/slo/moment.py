"""Moments as people write them, in policies, options, rows and incidents: text in; seconds since the epoch out."""

import re
from datetime import UTC, datetime
from typing import Final

from holdfast.digits import number
from holdfast.slo.window import LATEST, Span

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY: Final = 86400.0
_FORM: Final = "write a date such as 2026-11-30, or a moment with its offset such as 2026-11-30T18:00:00Z"


def moment(text: object) -> float:
    """ "2026-11-30" → its first moment in UTC. Raises ValueError with what to write."""
    return stretch(text).start


def stretch(text: object) -> Span:
    """The same as the stretch that was written: a date is its whole day, a time one moment. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a moment: {_FORM}")  # noqa: TRY004 - pydantic's way
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a moment: {_FORM}") from None
    if _DATE.fullmatch(text.strip()):
        start = found.replace(tzinfo=UTC).timestamp()
        return Span(start, start + _DAY)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no offset, so its moment is a guess: {_FORM}")
    return Span(found.timestamp(), found.timestamp())


def exact_moment(text: object) -> float | None:
    """ "2026-01-31T12:00:00Z", or seconds since the epoch.

    None of what is neither; of a local time, for which one it is depends on the machine; and of one before 1970 or so
    far away that there is no date for it.
    """
    found = number(str(text).strip())
    if found is None:
        try:
            parsed = datetime.fromisoformat(str(text).strip())
        except ValueError:
            return None
        if parsed.tzinfo is None:
            return None
        found = parsed.timestamp()
    return found if 0 <= found <= LATEST else None


def moment_text(at: float) -> str:
    """For people: "2026-11-30 18:00 UTC"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
