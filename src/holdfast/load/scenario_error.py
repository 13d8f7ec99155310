"""A bug of a scenario, told to its author without what it may say of the visitor.

In: an exception that came out of a visit, and whose visit it was. Out: where, and what, in text that is kept: in a log,
in `run.db` and in reports. An author's message may hold whatever was at hand: the account, an answer, a token.
"""

import json
import re
import traceback
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from holdfast.kit.accounts import Account

SCENARIO_ERROR: Final = "scenario_error"
SCENARIO_ERRORS: Final = "scenario_errors"
"""Kinds of events: a bug, told when it first ends a visit; and, at the generator's end, how many it ended. Facts
`scenario` and `where`, of the second also `count`.
"""
LONGEST_MESSAGE: Final = 200
_HIDDEN: Final = "…"
_LAST_FRAMES: Final = 3
_RUN: Final = re.compile(r"[\w+/=-]{20,}", re.ASCII)  # of base64, in either alphabet, or of hex
_URL_SAFE_RUN: Final = re.compile(r"[\w+=-]{20,}", re.ASCII)


def place_of(error: Exception, scenario: Path) -> str:
    """File name and line: the innermost of the scenario's own file, or else of all."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [found for found in frames if Path(found[0]).resolve() == scenario.resolve()]
    if not frames:
        return scenario.name
    file, line = (own or frames)[-1]
    return f"{Path(file).name}:{line}"


def frames_of(error: Exception) -> list[str]:
    """The innermost calls, as file:line and function: no source and no values."""
    frames = list(traceback.walk_tb(error.__traceback__))[-_LAST_FRAMES:]
    return [f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}" for frame, line in frames]


def text_of(error: Exception, account: Account) -> str:
    """The type, and the message without the account's values and without anything that looks like a token."""
    message = _without_tokens(" ".join(_without(account, str(error)).split()))
    kind = type(error).__name__
    return f"{kind}: {message[:LONGEST_MESSAGE]}" if message else kind


def _without(account: Account, text: str) -> str:
    values = [value for value in (account.email, account.password, account.totp_secret) if value]
    written = {form for value in values for form in _forms(value)}
    longest_first = sorted(written, key=len, reverse=True)  # or what holds another would be left in part
    return re.sub("|".join(map(re.escape, longest_first)), _HIDDEN, text, flags=re.IGNORECASE)


def _without_tokens(text: str) -> str:
    """A run with slashes is a path as long as it does not mix capitals, small letters and digits."""
    return _RUN.sub(lambda run: _HIDDEN if _is_mixed(run[0]) else _URL_SAFE_RUN.sub(_HIDDEN, run[0]), text)


def _is_mixed(run: str) -> bool:
    return any(map(str.isdigit, run)) and any(map(str.isupper, run)) and any(map(str.islower, run))


def _forms(value: str) -> tuple[str, ...]:
    """As it is, in an address, in JSON, and as Python shows it (a KeyError its key)."""
    return value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1]
