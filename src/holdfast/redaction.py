"""Secrets, taken out of whatever outlives a run: the second line of defence.

The first is that a record holds no text that nobody of ours wrote: see `holdfast.wording`. In: the values that are
secret (passwords, one-time codes and their seeds, tokens, cookies, e-mail addresses), and any text or bytes. Out: the
text without them, however they are written: each character by itself may stand raw, percent-encoded once or more, as an
entity of HTML, or escaped as in JSON, Python or a shell; the whole in hex, base32 or base64 (once or twice, also of
UTF-16), alone or at any place of a longer one, or as a list of the numbers of its bytes; a key of one-time codes also
in groups, and as the bytes that it stands for; broken by spaces, quotes or line ends; and half of a long one is as
secret as all of it. So both are first read to plain bytes. What the server made up and nobody told us (addresses'
queries, headers, typed text in call logs) goes by its place.
"""

import base64
import io
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.entities import name2codepoint
from types import MappingProxyType
from typing import Final, TextIO
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
_SHORTEST: Final = 4  # a shorter value would shred every text, and is no secret
_SHORTEST_BROKEN: Final = 8  # a shorter one, with gaps in it, is found in texts that do not hold it
_SHORTEST_HALVED: Final = 16
_SHORTEST_FRAGMENT: Final = 8  # of base64 inside a longer base64
_SHORTEST_OF_ENVIRONMENT: Final = 6
_MOST_LAYERS: Final = 4  # of escapes within escapes
_MANY: Final = 2_000  # first bytes; 15,000 searches of a picture of 300 kB take 9 s, a walk along it takes 0.5 s
_NOTHING: Final[Mapping[bytes, bool]] = MappingProxyType({})
_ESCAPES: Final = (
    rb"%(?:25)*(?P<percent>[0-9a-f]{2})|\\+u\{?(?P<unicode>[0-9a-f]{4,6})\}?|\\+x(?P<byte>[0-9a-f]{2})"
    rb"|\\+(?P<octal>[0-3][0-7]{2})"
    rb"|&(?:amp;)*#(?:x(?P<entity_hex>[0-9a-f]{1,6})|(?P<entity>[0-9]{1,7}));?|&(?:amp;)*(?P<named>[a-z][a-z0-9]{1,10});"
)
_GAP: Final = rb"(?P<gap>[\s\"'+,\\\0]|\xe2\x80\x8b|\xc2\xad)"
_TO_READ: Final = re.compile(rb"[%\\&\s\"'+,\0\xe2\xc2]")  # without one of them, nothing is escaped or a gap
_BREAK: Final = rb"(?P<line_end>\\+[nrt])"
# Twice: a backslash before an "n" is a line end, or a part of the text.
_READINGS: Final = (
    re.compile(_ESCAPES + b"|" + _GAP, re.IGNORECASE),
    re.compile(_ESCAPES + b"|" + _BREAK + b"|" + _GAP, re.IGNORECASE),
)
# What a one-time code is made of; of its last digits no bit is left over (RFC 4648, 6).
_KEY: Final = re.compile(r"(?P<digits>(?:[A-Z2-7]{8}){2,}|(?:[a-z2-7]{8}){2,})=*")
_OF_ADDRESSES: Final = bytes.maketrans(b"+/", b"-_")
_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRETS?|PASS(?:WORD|WD|PHRASE)?|PWD|CREDENTIALS?|AUTH(?:ORIZATION)?|BEARER|COOKIE|DSN|"
    r"(?:API|ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER)_?KEYS?|APIKEY|KEY)(?:_|$)|TOKEN|SECRET|PASSWORD",
    re.IGNORECASE,
)
_FOLDERS: Final = {"PWD", "OLDPWD"}  # the shell's, which say where somebody works and not a password

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


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text without escapes, gaps and capitals, and where each byte of it came from: [start, end)."""

    data: bytes
    starts: list[int]
    ends: list[int]


class Redactor:
    """Knows secrets; they are added as they turn up."""

    def __init__(self, *values: str) -> None:
        self._values: dict[str, None] = {}
        # By their first bytes, for there may be thousands; true: with gaps in it as well.
        self._looked_for: tuple[dict[bytes, dict[bytes, bool]], ...] = tuple({} for _ in _READINGS)
        self._exact: dict[bytes, None] = {}  # of short values, whose own spaces and quotes tell them apart
        self.add(*values)

    def __repr__(self) -> str:
        return f"Redactor({len(self._values)} secrets)"

    @property
    def values(self) -> tuple[str, ...]:
        """The secrets themselves, to find them on a page. Never to be written."""
        return tuple(self._values)

    def add(self, *values: str) -> None:
        for value in values:
            if len(value.strip()) >= _SHORTEST and value not in self._values:
                self._values[value] = None
                for form in _forms(value.strip()):
                    as_is = None if _TO_READ.search(form) else form.lower()
                    for reading, looked_for in zip(_READINGS, self._looked_for, strict=True):
                        plain = as_is or _read(form, reading).data
                        if len(plain) >= _SHORTEST:
                            alike = looked_for.setdefault(plain[:_SHORTEST], {})
                            alike[plain] = len(plain) >= _SHORTEST_BROKEN
                if len(value) < 2 * _SHORTEST_BROKEN:
                    self._exact |= {
                        v.encode("utf-8", "replace"): None for v in (value, quote(value), quote_plus(value))
                    }

    def redact(self, text: str) -> str:
        """The text without secrets."""
        text = self.without_known(text)
        for place, replacement in _PLACES:
            text = place.sub(replacement, text)
        return text

    def without_known(self, text: str) -> str:
        """The text without the secrets that are known, whatever place they stand in."""
        data = text.encode("utf-8", "surrogatepass")
        kept, end = [], 0
        for start, stop in _merged(self._found(data)):
            kept += [data[end:start], HIDDEN.encode()]
            end = stop
        return b"".join([*kept, data[end:]]).decode("utf-8", "replace") if kept else text

    def is_in(self, content: bytes) -> bool:
        """Whether a known secret stands in these bytes, in any encoding."""
        return next(self._found(content), None) is not None

    def _found(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where secrets stand: [start, end) of each."""
        for wanted in self._exact:
            yield from ((found.start(), found.end()) for found in re.finditer(re.escape(wanted), data))
        for reading, looked_for in zip(_READINGS, self._looked_for, strict=True):
            if not looked_for:
                return
            plain = _read(data, reading)
            for at, wanted, broken in _places(plain.data, looked_for):
                if broken or not _has_gap(plain, at, len(wanted)):
                    yield plain.starts[at], plain.ends[at + len(wanted) - 1]


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the variables whose names say that they are secret: `PROMETHEUS_TOKEN`, `DB_PASSWORD`, …"""
    return tuple(
        value
        for name, value in environment.items()
        if len(value) >= _SHORTEST_OF_ENVIRONMENT and _SECRET_NAME.search(name) and name not in _FOLDERS
    )


class RedactedStream(io.TextIOBase):
    """A text stream in front of another: line by line, without the secrets that are known by then."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self._line = ""
        self._writing = threading.RLock()

    def write(self, text: str) -> int:
        with self._writing:
            *lines, self._line = (self._line + text).split("\n")
            if lines:
                # Together: a secret may be broken over several.
                self._stream.write(self._redactor.without_known("\n".join(lines)) + "\n")
        return len(text)

    def flush(self) -> None:
        with self._writing:
            rest, self._line = self._line, ""
            if rest:
                self._stream.write(self._redactor.without_known(rest))
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"


def _forms(value: str) -> Iterator[bytes]:
    """What is looked for: the value, halves of a long one, and what it becomes as a whole."""
    data = value.encode("utf-8", "surrogatepass")
    yield from {form.encode("utf-8", "surrogatepass") for form in (value, value.upper(), value.lower())}
    if len(value) >= _SHORTEST_HALVED:
        middle = -(-len(value) // 2)
        yield value[:middle].encode("utf-8", "surrogatepass")
        yield value[-middle:].encode("utf-8", "surrogatepass")
    yield from _as_bytes(data)
    yield base64.b32encode(data).rstrip(b"=")
    yield "".join(str(byte) for byte in data).encode()  # a list of numbers, without what stands between them
    for whole in (data, base64.b64encode(data).rstrip(b"="), *_in_utf16(value)):
        yield from _in_base64(whole)
    if key := _KEY.fullmatch(value):
        yield "-".join(re.findall(".{4}", key["digits"])).encode()
        decoded = base64.b32decode(key["digits"].upper() + "=" * (-len(key["digits"]) % 8))
        yield from _as_bytes(decoded)
        yield from _in_base64(decoded)


def _in_utf16(value: str) -> Iterator[bytes]:
    """Either byte first; of ASCII, what both have in common."""
    low, high = (value.encode(f"utf-16-{end}", "surrogatepass") for end in ("le", "be"))
    yield from (low[:-1],) if low[:-1] == high[1:] else (low, high)


def _as_bytes(data: bytes) -> Iterator[bytes]:
    """In hex, with what may stand between two."""
    for between in ("", ":", "-"):
        yield between.join(f"{byte:02x}" for byte in data).encode()


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Alone and in the midst of a longer one: by how many bytes (mod 3) come before it, the characters that stand for
    this value alone."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + data).rstrip(b"=")
        first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        found = [whole] if shift == 0 else []
        found += [whole[first:last]] if last - first >= _SHORTEST_FRAGMENT else []
        for form in found:
            yield form
            if (other := form.translate(_OF_ADDRESSES)) != form:
                yield other


def _read(data: bytes, reading: re.Pattern[bytes]) -> _Plain:
    """Layer by layer, until nothing is escaped any more."""
    plain = _one_layer(data, reading)
    for _ in range(_MOST_LAYERS):
        deeper = _one_layer(plain.data, reading)
        if deeper.data == plain.data:
            break
        plain = _Plain(deeper.data, [plain.starts[i] for i in deeper.starts], [plain.ends[i - 1] for i in deeper.ends])
    return plain


def _one_layer(data: bytes, reading: re.Pattern[bytes]) -> _Plain:
    parts: list[bytes] = []
    starts: list[int] = []
    ends: list[int] = []
    begin = 0
    for unit in reading.finditer(data):
        meant = _meant(unit)
        if meant is None:
            continue
        at = unit.start()
        parts += [data[begin:at], meant]
        starts += [*range(begin, at), *([at] * len(meant))]
        ends += [*range(begin + 1, at + 1), *([unit.end()] * len(meant))]
        begin = unit.end()
    parts.append(data[begin:])
    starts += range(begin, len(data))
    ends += range(begin + 1, len(data) + 1)
    return _Plain(b"".join(parts).lower(), starts, ends)


def _meant(unit: re.Match[bytes]) -> bytes | None:
    """What an escape stands for; nothing for a gap; None when it is no escape after all."""
    kind = unit.lastgroup
    value = unit[kind] if kind else b""
    if kind in {"percent", "byte"}:
        return bytes([int(value, 16)])
    if kind == "octal":
        return bytes([int(value, 8)])
    if kind == "named":
        code = name2codepoint.get(value.decode(), 0x27 if value.lower() == b"apos" else None)
        return None if code is None else chr(code).encode()
    if kind in {"unicode", "entity_hex", "entity"}:
        code = int(value, 10 if kind == "entity" else 16)
        return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else None
    return b""


def _places(read: bytes, looked_for: Mapping[bytes, Mapping[bytes, bool]]) -> Iterator[tuple[int, bytes, bool]]:
    """Each place at which something stands that is looked for: by its first bytes at each place of a short text, for
    thousands may be looked for; one after the other in a long one, such as a picture.
    """
    if len(read) < 10 * len(looked_for) or len(looked_for) > _MANY:
        for at in range(len(read) - _SHORTEST + 1):
            for wanted, broken in looked_for.get(read[at : at + _SHORTEST], _NOTHING).items():
                if read.startswith(wanted, at):
                    yield at, wanted, broken
        return
    for alike in looked_for.values():
        for wanted, broken in alike.items():
            at = read.find(wanted)
            while at >= 0:
                yield at, wanted, broken
                at = read.find(wanted, at + 1)


def _has_gap(plain: _Plain, at: int, length: int) -> bool:
    return any(plain.ends[i] < plain.starts[i + 1] for i in range(at, at + length - 1))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
