"""Time-based one-time codes (RFC 6238, as authenticator apps do: SHA-1, six digits, 30 s), never said twice.

In: a base32 secret and a time. Out: the code, or how long to wait for the next one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyotp

STEP_SECONDS: Final = 30
MARGIN_SECONDS: Final = 3.0
"""A code is typed, sent and checked in less, and clocks are hardly further apart."""


def code_at(secret: str, at: float) -> str:
    """The code of a base32 `secret` at `at`, seconds since the epoch. Raises ValueError when it is no secret."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).generate_otp(int(at // STEP_SECONDS))


def is_secret(text: str) -> bool:
    """Whether codes can be made of it: base32 in either case, padded or not, of 112 bits or more (pyotp's least)."""
    try:
        code_at(text, 0.0)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Turn:
    """A code to send after `wait` seconds."""

    code: str
    wait: float


class StepLedger:
    """Remembers whose code of which step was given out: a server accepts each one once.

    `margin`: a code with less than so many seconds left is not given out, for it would come too late; the next one is
    waited for. This one remembers for its own process: see `holdfast.kit.code_ledger` for one that several share.
    """

    def __init__(self, margin: float = MARGIN_SECONDS) -> None:
        self._margin = margin
        self._last_step: dict[str, int] = {}

    def next_code(self, secret: str, at: float) -> Turn:
        """The next unused code, and how many seconds after `at` to send it (0: now).

        Who came too late for a step waits the margin's length: were all let go as the next step begins, a load's
        sign-ins would come in one burst every 30 s.
        """
        late = at % STEP_SECONDS > STEP_SECONDS - self._margin
        earliest = int(at // STEP_SECONDS) + late
        step = self._claimed(secret, earliest)
        wait = max(0.0, step * STEP_SECONDS - at)
        if late and step == earliest:
            wait = self._margin
        return Turn(code_at(secret, step * STEP_SECONDS), wait)

    def watched(self, waits: Callable[[float], None]) -> "StepLedger":
        """The same ledger; `waits` hears of the seconds that each code of its user has to be waited for."""
        return _Watched(self, waits)

    def _claimed(self, secret: str, earliest: int) -> int:
        """The first step from `earliest` on whose code nobody was given; from now on somebody was."""
        step = max(earliest, self._last_step.get(secret, -1) + 1)
        self._last_step[secret] = step
        return step


class _Watched(StepLedger):
    def __init__(self, ledger: StepLedger, waits: Callable[[float], None]) -> None:
        super().__init__()
        self._ledger = ledger
        self._waits = waits

    def next_code(self, secret: str, at: float) -> Turn:
        turn = self._ledger.next_code(secret, at)
        if turn.wait > 0:
            self._waits(turn.wait)
        return turn
