"""What an answer calls its error: a word, out of a body that may hold anything.

    {"error": {"code": "database_unavailable"}}   {"code": …}   {"error": "…"}   {"errors": [{"code": …}]}
    application/problem+json: the last part of its "type"
    a page: <main data-error-code="database_unavailable">, or <meta name="error-code" content="…">

Only what looks like a word of an API's list is one: a target may put there what it was sent.
"""

import json
import re
from typing import Any, Final

_WORD: Final = re.compile(r"(?=..)[A-Za-z]{1,30}(?:[_.-][A-Za-z]{1,30}){0,6}")
_LONGEST: Final = 64
_MOST_READ: Final = 65_536
_ON_A_PAGE: Final = (
    re.compile(r"\bdata-error-code=[\"']([^\"'<>]{2,64})[\"']"),
    re.compile(r"<meta\s+name=[\"']error-code[\"']\s+content=[\"']([^\"'<>]{2,64})[\"']"),
)


def error_code_in(body: str) -> str:
    """The code; "" when the body names none."""
    text = body[:_MOST_READ]
    try:
        found = _of_answer(json.loads(text))
    except ValueError:
        found = next((match[1] for pattern in _ON_A_PAGE if (match := pattern.search(text))), "")
    return found if isinstance(found, str) and len(found) <= _LONGEST and _WORD.fullmatch(found) else ""


def _of_answer(answer: Any) -> object:
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    inner = errors[0] if isinstance(errors, list) and errors else answer.get("error")
    if isinstance(inner, dict):
        return inner.get("code") or inner.get("error") or ""
    if "type" in answer and "title" in answer:
        return str(answer["type"]).rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return answer.get("code") or (inner if isinstance(inner, str) else "")
