"""What an answer calls its error is a word, or nothing."""

import pytest

from holdfast.synthetics.error_code import error_code_in


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error": {"code": "database_unavailable", "message": "Ann Lee"}}', "database_unavailable"),
        ('{"code": "E_RATE.limited"}', "E_RATE.limited"),
        ('{"error": "invalid_grant"}', "invalid_grant"),
        ('{"errors": [{"code": "not-found"}]}', "not-found"),
        ('{"type": "https://x.test/problems/out-of-credit", "title": "No"}', "out-of-credit"),
        ('<main id="main" data-error-code="database_unavailable"><h1>No</h1>', "database_unavailable"),
        ('<meta name="error-code" content="gone"><p>x', "gone"),
        ('{"error": {"code": "hunter2-9f8e7d6c"}}', ""),
        ('{"error": {"code": "Ann Lee"}}', ""),
        ('{"error": {"code": 503}}', ""),
        ('{"error": {"code": "' + "a_b" * 40 + '"}}', ""),
        ("[1, 2]", ""),
        ("upstream connect error", ""),
        ("", ""),
    ],
)
def test_the_code_is_found_and_what_is_no_word_is_none(body, code):
    assert error_code_in(body) == code
