"""What the plain client hands back: an answer, or why there is none; and text that may be printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_TOLD: Final = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are lower case; of several with one name, the first."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class UnansweredError(OSError):
    """No answer, or none to be used. `what` is fit to be printed; `fix` says what to do. `kind`: what went wrong.

    kind: refused, silent, mistrusted, unreadable, redirected, too_large.
    """

    def __init__(self, kind: str, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.fix = fix


def printable(text: str, most: int = _LONGEST_TOLD) -> str:
    """For a terminal: controls, escapes and what turns the reading direction are spelled out, the rest is cut off."""
    cut = text if len(text) <= most else text[:most] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
