"""Names of requests that nobody named: few, and nothing of one visitor's in them."""

import base64
import hashlib
import re
import string
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.load.naming import default_name, without_identifiers

ALPHABETS = [string.ascii_letters + string.digits + "-_", string.ascii_uppercase + "234567", "0123456789abcdef"]
SEGMENTS = st.text(string.ascii_letters + string.digits + "-_.~:@%{}+=", max_size=40)


@pytest.mark.parametrize(
    "path",
    [
        "/", "", "/v2/invoices", "/oauth2/token", "/api/v1.1/me", "/.well-known/openid-configuration", "/terms/sha256",
        "/password-reset/confirm", "/changePasswordRequest", "/two_factor_v2_challenge", "/index.html", "/2fa/base64",
        "/v2/account/", "//a//b", "/invoices:batchGet", "/internationalization", "/health-checks/ready", "/mfa/totp",
    ],
)  # fmt: skip
def test_a_path_of_words_stays_as_it_is(path):
    assert without_identifiers(path) == path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/invoices/17", "/invoices/{id}"),
        ("/invoices/17/lines/3", "/invoices/{id}/lines/{id}"),
        ("/invoices/INV-000123", "/invoices/{id}"),
        ("/invoices/17:pay", "/invoices/{id}"),
        ("/invoices/123.pdf", "/invoices/{id}"),
        ("/bills/2026-03-31", "/bills/{id}"),
        ("/users/u42/picture", "/users/{id}/picture"),
        ("/accounts/4f1c2a", "/accounts/{id}"),
        ("/accounts/visitor-000001@accounts.invalid", "/accounts/{id}"),
        ("/accounts/a%40b.example", "/accounts/{id}"),
        ("/resets/MFRGGZDFMZTWQ2LK", "/resets/{id}"),
        ("/x;session=1", "/{id}"),
        ("/search?q=a&token=s3cret", "/search"),
        ("/7c9e6679-7425-40de-944b-e07fc1f90ae7", "/{id}"),
    ],
)
def test_what_is_one_visitors_is_left_out(path, name):
    assert without_identifiers(path) == name


@given(st.uuids(), st.binary(), st.integers(0))
def test_identifiers_of_every_usual_kind_are_left_out(one, raw, number):
    digest = hashlib.sha256(raw)
    token = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    for value in (str(one), one.hex, str(number), digest.hexdigest(), token):
        assert without_identifiers(f"/a/{value}/b") == "/a/{id}/b"


@given(st.sampled_from(ALPHABETS), st.integers(), st.integers(20, 60))
def test_no_name_holds_a_long_token(letters, seed, length):
    token = "".join(Random(seed).choices(letters, k=length))
    assert default_name("GET", f"/resets/{token}?t={token}") == "GET /resets/{id}"


@given(st.lists(st.text("aBc1_-", min_size=1, max_size=9), min_size=2, max_size=6).map("".join))
@example("password-reset-confirmation")
@example("changePasswordRequest")
def test_what_a_name_keeps_of_a_long_part_is_words(part):
    if without_identifiers(f"/{part}") == f"/{part}" and len(part) >= 12:
        assert sum(map(str.isdigit, part)) <= 3
        assert sum(map(str.isupper, part)) * 3 <= len(part)
        assert max(map(len, re.split(r"[^a-z]+", part))) <= 20


@given(st.lists(SEGMENTS, max_size=5))
def test_a_name_is_named_as_it_is(parts):
    once = without_identifiers("/" + "/".join(parts))
    assert without_identifiers(once) == once
    assert "@" not in once
    assert "?" not in once


def test_only_so_many_names_are_kept():
    for n in range(10_000):
        assert default_name("GET", f"/invoices/{n}") == "GET /invoices/{id}"
    assert default_name.cache_info().currsize <= 4_096
