"""What a request is called that was given no name: its method and path, without what is one visitor's alone.

A name is a series for the whole run, and stands in its record and reports: an identifier in it would make a series for
each visitor, and a token would be published.
"""

import re
from functools import lru_cache
from typing import Final

IDENTIFIER: Final = "{id}"
_MOST_KEPT: Final = 4_096  # paths with an id in them are as many as there are ids
_SHORT: Final = 12  # characters; longer ones must be spelled as words are
_PLAIN: Final = re.compile(r"[\w.~:-]*", re.ASCII)  # an address, an escape or a parameter is a value
_VERSION: Final = re.compile(r"v?\d{1,3}(\.\d{1,3}){1,2}|v\d{1,3}", re.ASCII)
_BETWEEN: Final = re.compile(r"[_.~:-]")
_COUNTED: Final = re.compile(r"\d+|(?=\w*\d)[0-9a-fA-F]{6,}|[a-zA-Z]\d{2,}", re.ASCII)  # 17, 4f1c2a, u42
_WORDS: Final = re.compile(r"(?:(?:[A-Z]?[a-z]{2,20}|[a-z])\d{0,2}(?:[_.~:-]|(?=[A-Z])|$))+", re.ASCII)
_MOST_DIGITS: Final = 3


@lru_cache(_MOST_KEPT)
def default_name(method: str, path: str) -> str:
    """ "GET /v2/invoices/{id}" for GET /v2/invoices/0017?page=2. Kept, for it is asked for with every request."""
    return f"{method} {without_identifiers(path)}"


def without_identifiers(path: str) -> str:
    """Without its query, and `{id}` for each part that looks like a number, an identifier, a token or an address."""
    return "/".join(IDENTIFIER if _is_identifier(part) else part for part in path.partition("?")[0].split("/"))


def _is_identifier(part: str) -> bool:
    """Rather once too often: two places under one name are a nuisance, a token in a report is a leak."""
    if not part or _VERSION.fullmatch(part):
        return False
    if not _PLAIN.fullmatch(part) or sum(map(str.isdigit, part)) > _MOST_DIGITS:
        return True
    if any(_COUNTED.fullmatch(piece) and not _VERSION.fullmatch(piece) for piece in _BETWEEN.split(part)):
        return True
    return len(part) >= _SHORT and _WORDS.fullmatch(part) is None
