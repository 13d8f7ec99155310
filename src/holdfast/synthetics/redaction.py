"""Secrets, taken out of whatever outlives a walk.

In: the values that are secret (password, one-time codes and their seed, reset tokens, cookies), and any text.
Out: the text without them. Known values go in every encoding a browser, a log or a JSON file writes them in; what the
server made up and nobody told us (addresses' queries, headers, typed text in call logs) goes by its place.
"""

import base64
import html
import json
import re
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
_SHORTEST: Final = 4  # a shorter value would shred every text, and is no secret
_SHORTEST_FRAGMENT: Final = 8  # of base64 inside a longer base64

# What is secret by its place, whatever its value.
_PLACES: Final = (
    (re.compile(r"(?P<kept>\b(?:https?|wss?)://)[^\s/@\"'<>]+@"), r"\g<kept>"),
    (re.compile(r"(?P<kept>[\w.~%/:\-\]]\?)[^\s\"'<>`]*=[^\s\"'<>`]*"), rf"\g<kept>{HIDDEN}"),  # an address's query
    (re.compile(r"(?P<kept>\b(?:https?|wss?)://[^\s\"'<>`#]*#)[^\s\"'<>`]+"), rf"\g<kept>{HIDDEN}"),
    (
        re.compile(r"(?P<kept>\b(?:fill|type|press_sequentially|pressSequentially)\()(?:\"[^\n]*\"|'[^\n]*')"),
        rf"\g<kept>{HIDDEN}",
    ),
    (
        re.compile(r"(?P<kept>\b(?:authorization|cookie|set-cookie|x-[\w-]*token)\"?\s*[:=]\s*)[^\n]+", re.IGNORECASE),
        rf"\g<kept>{HIDDEN}",
    ),
)


class Redactor:
    """Knows the secrets of one walk; they are added as they turn up."""

    def __init__(self, *values: str) -> None:
        self._values: dict[str, None] = {}
        self._written: tuple[str, ...] = ()
        self.add(*values)

    def __repr__(self) -> str:
        return f"Redactor({len(self._values)} secrets)"

    @property
    def values(self) -> tuple[str, ...]:
        """The secrets themselves, to find them on a page. Never to be written."""
        return tuple(self._values)

    def add(self, *values: str) -> None:
        new = [value for value in values if len(value) >= _SHORTEST and value not in self._values]
        if new:
            self._values.update(dict.fromkeys(new))
            written = {form for value in self._values for form in encodings(value)}
            self._written = tuple(sorted(written, key=len, reverse=True))  # the longest first: one may hold another

    def redact(self, text: str) -> str:
        """The text without secrets."""
        for written in self._written:
            text = text.replace(written, HIDDEN)
        for place, replacement in _PLACES:
            text = place.sub(replacement, text)
        return text

    def is_in(self, content: bytes) -> bool:
        """Whether a known secret stands in these bytes, in any encoding."""
        return any(written.encode() in content for written in self._written)


def encodings(value: str) -> tuple[str, ...]:
    """How a value may be written: as it is, in an address (two ways), in HTML, in JSON, in base64 (alone, or at any
    place within a longer one)."""
    data = value.encode()
    forms = {
        value,
        quote(value, safe=""),
        quote_plus(value),
        html.escape(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
    }
    for shift in range(3):
        # The characters of base64 that stand for this value alone when `shift` bytes (mod 3) come before it.
        whole = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        first = -(-shift * 8 // 6)
        last = (shift + len(data)) * 8 // 6
        if last - first >= _SHORTEST_FRAGMENT:
            forms.add(whole[first:last])
    return tuple(forms)
