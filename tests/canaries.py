"""Values planted where secrets are, and the search for them in everything that a run leaves behind."""

import base64
import gzip
import html
import io
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

_GAPS = re.compile(rb"[\s\"'+,\\\0]+")
_SHORTEST = 6


def forms_of(value: str) -> frozenset[bytes]:
    """How a value may be written, in small letters and without gaps: as `plain` leaves it."""
    data = value.encode()
    written = {
        value,
        quote(value, safe=""),
        quote(quote(value, safe=""), safe=""),
        quote(value, safe="/!$&'()*+,;=:@~"),
        quote_plus(value),
        "".join(f"%{byte:02x}" for byte in data),
        html.escape(value),
        html.escape(html.escape(value)),
        "".join(f"&#{ord(one)};" for one in value),
        "".join(f"&#x{ord(one):x};" for one in value),
        json.dumps(value)[1:-1],
        json.dumps(json.dumps(value))[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        "".join(f"\\u{ord(one):04x}" for one in value),
        repr(value)[1:-1],
        data.hex(),
        data.hex(":"),
        base64.b32encode(data).decode().rstrip("="),
        "".join(f"\\{byte:03o}" for byte in data),
        "".join(str(byte) for byte in data),
        base64.b64encode(base64.b64encode(data)).decode().rstrip("="),
        base64.b64encode(value.encode("utf-16")).decode().rstrip("="),
        base64.b64encode(value.encode("utf-16-be")).decode().rstrip("="),
    }
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        written.add(encode(data).decode().rstrip("="))
        for shift in range(3):
            whole = encode(b"\0" * shift + data).decode().rstrip("=")
            written.add(whole[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6])
    if len(value) >= 2 * _SHORTEST:  # a part of it says enough
        written |= {value[: len(value) * 2 // 3], value[-(len(value) * 2 // 3) :]}
    found = {plain(one.encode()) for one in written} | {plain(data[::-1])}
    return frozenset(one for one in found if len(one) >= _SHORTEST)


def plain(data: bytes) -> bytes:
    return _GAPS.sub(b"", data).lower()


def leaks(parts: Mapping[str, bytes], canaries: Mapping[str, str]) -> list[str]:
    """ "password in run.db!exemplars.detail" for each canary that stands anywhere in the parts."""
    forms = {name: forms_of(value) for name, value in canaries.items()}
    found = []
    for where, data in parts.items():
        for place, inner in _unpacked(where, data):
            flat = plain(inner)
            found += [f"{name} in {place}" for name, written in forms.items() if any(form in flat for form in written)]
    return sorted(set(found))


def everything_in(folder: Path) -> dict[str, bytes]:
    """Every file below, with its name; what of SQLite is not in its file yet as well."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            found[name] = path.read_bytes()
            found[f"the name of {name}"] = name.encode()
    return found


def _unpacked(where: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield where, data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                yield from _unpacked(f"{where}!{name}", packed.read(name))
    elif data[:16] == b"SQLite format 3\0":
        for column, value in _columns(data):
            yield from _unpacked(f"{where}!{column}", value)
    elif data[:2] == b"\x1f\x8b":
        yield from _unpacked(f"{where}!gzip", gzip.decompress(data))
    elif data[:1] == b"\x78" and len(data) > 8:
        try:
            yield from _unpacked(f"{where}!zlib", zlib.decompress(data))
        except zlib.error:
            return
    elif b";base64," in data:
        for number, packed_text in enumerate(re.findall(rb";base64,([A-Za-z0-9+/=]{16,})", data)):
            yield f"{where}!base64-{number}", base64.b64decode(packed_text + b"=" * (-len(packed_text) % 4))


def _columns(data: bytes) -> Iterator[tuple[str, bytes]]:
    """By column, all of its values together; blobs apart, for they may be packed."""
    connection = sqlite3.connect(":memory:")
    connection.deserialize(data[:18] + b"\x01\x01" + data[20:])  # not waiting for a log of writes that lies elsewhere
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  its own table
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, str):
                        yield f"{table}.{name}", value.encode()
                    elif isinstance(value, bytes):
                        yield f"{table}.{name}", value
    finally:
        connection.close()
