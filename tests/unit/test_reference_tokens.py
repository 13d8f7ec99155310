"""Session tokens: what is accepted, and what is not."""

import base64
import json

import pytest

from holdfast.reference.tokens import Claims, derive_key, key_name, read_key_set, sign, verify

CLAIMS = Claims("session-1", 42, expires_at=2000.0)
KEY = derive_key("secret", 1)
PUBLIC = KEY.key.public_key()


def test_a_signed_token_says_what_was_signed() -> None:
    assert verify(sign(CLAIMS, KEY, issued_at=1000.0), PUBLIC, now=1500.0) == CLAIMS


def test_a_token_ends_when_it_says() -> None:
    assert verify(sign(CLAIMS, KEY, issued_at=1000.0), PUBLIC, now=2000.0) is None


def test_a_token_of_another_key_is_refused() -> None:
    assert verify(sign(CLAIMS, derive_key("secret", 2), issued_at=1000.0), PUBLIC, now=1500.0) is None


def test_a_token_whose_claims_were_changed_is_refused() -> None:
    header, _, signature = sign(CLAIMS, KEY, issued_at=1000.0).split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"sid": "session-1", "sub": "1", "exp": 9999}).encode()).decode()

    assert verify(f"{header}.{forged.rstrip('=')}.{signature}", PUBLIC, now=1500.0) is None


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "no token at all", "é.é.é"])
def test_what_is_no_token_is_refused_without_a_fuss(token: str) -> None:
    assert verify(token, PUBLIC, now=0.0) is None
    assert key_name(token) == ""


def test_keys_are_found_by_the_name_in_the_token() -> None:
    token = sign(CLAIMS, KEY, issued_at=1000.0)
    keys = read_key_set({"keys": [{"kty": "RSA", "kid": "other"}, KEY.as_jwk()]})

    assert list(keys) == ["key-1"] == [key_name(token)]
    assert verify(token, keys["key-1"], now=1500.0) == CLAIMS


def test_the_same_secret_gives_the_same_key_so_that_sessions_survive_a_restart_of_the_partner() -> None:
    assert derive_key("secret", 1).as_jwk() == KEY.as_jwk()
    assert derive_key("secret", 2).as_jwk() != KEY.as_jwk()
