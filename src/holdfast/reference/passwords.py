"""Password hashes: scrypt, with cost and salt in the hash. Text in, text out; slow on purpose: call it off the loop."""

import base64
import hashlib
import hmac
import os
from typing import Final

from holdfast.reference.refusal import invalid_field

# About 10 ms on the machines this runs on. A product takes 2**17 (OWASP); here the load generator shares the cores,
# and what matters is that a sign-in costs much more than other requests.
_COST: Final = 2**11
_BLOCK_SIZE: Final = 8
_LEAST_LENGTH: Final = 10
_MOST_LENGTH: Final = 200  # hashing a megabyte for a stranger is no service


def hash_password(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${_COST}${_text(salt)}${_text(_derive(password, salt, _COST))}"


def matches(password: str, stored: str | None) -> bool:
    """True when `stored` is this password's hash. With None it is False, after just as long: who exists is a secret."""
    cost, salt, expected = _COST, bytes(16), b""
    if stored is not None:
        _, cost_text, salt_text, expected_text = stored.split("$")
        cost, salt, expected = int(cost_text), base64.b64decode(salt_text), base64.b64decode(expected_text)
    return hmac.compare_digest(_derive(password[:_MOST_LENGTH], salt, cost), expected)


def check_new_password(password: str) -> None:
    """Raises Refusal (422) when it may not be chosen."""
    if not _LEAST_LENGTH <= len(password) <= _MOST_LENGTH:
        raise invalid_field("password", f"use {_LEAST_LENGTH} to {_MOST_LENGTH} characters")


def _derive(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=_BLOCK_SIZE, p=1, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
