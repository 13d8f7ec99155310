"""A bug of a scenario, told to its author without what it may say of the visitor.

In: an exception that came out of a visit, and whose visit it was. Out: where, and what, in text that is kept: in a log,
in `run.db` and in reports. An author's message may hold whatever was at hand: the account, an answer, a token. So what
is kept of it are the words that stand in the source (see `holdfast.wording`), without the account's values.
"""

import traceback
from pathlib import Path
from typing import Final

from holdfast.kit.accounts import Account
from holdfast.redaction import Redactor
from holdfast.wording import said

SCENARIO_ERROR: Final = "scenario_error"
SCENARIO_ERRORS: Final = "scenario_errors"
"""Kinds of events: a bug, told when it first ends a visit; and, at the generator's end, how many it ended. Facts
`scenario` and `where`, of the second also `count`.
"""
LONGEST_MESSAGE: Final = 200
_LAST_FRAMES: Final = 3
_OURS: Final = Path(__file__).parents[1]


def place_of(error: BaseException, scenario: Path) -> str:
    """File name and line: the innermost of the scenario's own file, or else of all that are no library's of ours."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [found for found in frames if Path(found[0]).resolve() == scenario.resolve()]
    others = [found for found in frames if not Path(found[0]).is_relative_to(_OURS)]
    if not own and not others:
        return scenario.name
    file, line = (own or others)[-1]
    return f"{Path(file).name}:{line}"


def frames_of(error: BaseException) -> list[str]:
    """The innermost calls, as file:line and function: no source and no values."""
    frames = list(traceback.walk_tb(error.__traceback__))[-_LAST_FRAMES:]
    return [f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}" for frame, line in frames]


def text_of(error: BaseException, account: Account) -> str:
    """The type, and of the message what its author wrote."""
    redactor = Redactor(account.email, account.password, account.totp_secret or "")
    return redactor.redact(said(error))[:LONGEST_MESSAGE]
