"""Moments as people write them in a policy: a date or an RFC 3339 time in; seconds since the epoch out."""

import re
from datetime import UTC, datetime
from typing import Final

from holdfast.slo.window import Span

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
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


def moment_text(at: float) -> str:
    """For people: "2026-11-30 18:00 UTC"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
