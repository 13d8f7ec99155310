"""Time-based one-time codes (RFC 6238, as authenticator apps do: SHA-1, six digits, 30 s), never said twice.

In: a base32 secret and a time. Out: the code, or how long to wait for the next one.
"""

from dataclasses import dataclass
from typing import Final

import pyotp

STEP_SECONDS: Final = 30


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
    """Remembers whose code of which step was given out: a server accepts each one once."""

    def __init__(self) -> None:
        self._last_step: dict[str, int] = {}

    def next_code(self, secret: str, at: float) -> Turn:
        """The next unused code, and how many seconds after `at` its step begins (0 when it has begun)."""
        present = int(at // STEP_SECONDS)
        step = max(present, self._last_step.get(secret, -1) + 1)
        self._last_step[secret] = step
        return Turn(code_at(secret, step * STEP_SECONDS), max(0.0, step * STEP_SECONDS - at))
