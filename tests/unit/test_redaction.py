"""Secrets go, in whatever way they are written; what is no secret stays."""

import base64
import html
import io
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.redaction import HIDDEN, RedactedStream, Redactor, secrets_of

SECRET = 'p&ss "wörd"/+7-\\Zebra'
DATA = SECRET.encode()
CODE = "483920"
IN_A_PATH = quote(SECRET, safe="!$&'()*+,;=:@~")  # as a browser leaves it there
WRITTEN = {
    "as it is": SECRET,
    "percent-encoded": quote(SECRET, safe=""),
    "percent-encoded, small digits": quote(SECRET, safe="").replace("%C3%B6", "%c3%b6").replace("%2F", "%2f"),
    "percent-encoded twice": quote(quote(SECRET, safe=""), safe=""),
    "percent-encoded thrice": quote(quote(quote(SECRET, safe=""), safe=""), safe=""),
    "every byte percent-encoded": "".join(f"%{byte:02X}" for byte in DATA),
    "in a form": quote_plus(SECRET),
    "in a path": IN_A_PATH,
    "HTML": html.escape(SECRET),
    "HTML by number": "".join(f"&#{ord(one)};" for one in SECRET),
    "HTML by hexadecimal number": "".join(f"&#x{ord(one):X};" for one in SECRET),
    "HTML in HTML": html.escape(html.escape(SECRET)),
    "JSON": json.dumps({"password": SECRET}),
    "JSON that keeps letters": json.dumps({"password": SECRET}, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps({"password": SECRET})),
    "HTML in JSON": json.dumps(html.escape(SECRET)),
    "unicode escapes": "".join(f"\\u{ord(one):04x}" for one in SECRET),
    "byte escapes": "".join(f"\\x{byte:02x}" for byte in DATA),
    "Python": repr([SECRET]),
    "hex": DATA.hex(),
    "hex in capitals": DATA.hex().upper(),
    "hex with colons": DATA.hex(":"),
    "base64": base64.b64encode(DATA).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(DATA).decode(),
    "base64 in a longer one": base64.b64encode(f"visitor:{SECRET}:x".encode()).decode(),
    "base64 in lines": "\n".join([base64.b64encode(DATA).decode()[:12], base64.b64encode(DATA).decode()[12:]]),
    "base32": base64.b32encode(DATA).decode(),
    "in capitals": SECRET.upper(),
    "over two lines": f"{SECRET[:11]}\n      {SECRET[11:]}",
    "over two lines, in JSON": json.dumps(f"{SECRET[:11]}\n      {SECRET[11:]}"),
    "octal escapes": "".join(f"\\{byte:03o}" for byte in DATA),
    "a list of numbers": str(list(DATA)),
    "bytes of JSON": json.dumps([*DATA], indent=1),
    "base64 of base64": base64.b64encode(base64.b64encode(DATA)).decode(),
    "base64 of base64 in a longer one": base64.b64encode(b"k=" + base64.b64encode(DATA) + b";").decode(),
    "base64 of UTF-16": base64.b64encode(SECRET.encode("utf-16-le")).decode(),
    "base64 of UTF-16 with its mark": base64.b64encode(SECRET.encode("utf-16")).decode(),
    "base64 of UTF-16, the greater byte first": base64.b64encode(SECRET.encode("utf-16-be")).decode(),
    "two strings": f'"{SECRET[:12]}" + "{SECRET[12:]}"',
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_known_secret_goes_in_every_encoding(written):
    redactor = Redactor(SECRET)
    text = f"before {written} after"
    assert redactor.is_in(text.encode())

    redacted = redactor.redact(text)

    assert HIDDEN in redacted
    assert not redactor.is_in(redacted.encode())
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RAW = base64.b32decode(KEY)


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.lower(),
        "-".join(KEY[i : i + 4] for i in range(0, len(KEY), 4)),
        " ".join(KEY[i : i + 4] for i in range(0, len(KEY), 4)).lower(),
        RAW.hex(),
        RAW.hex(" ").upper(),
        RAW.hex(":"),
        base64.b64encode(RAW).decode(),
        base64.b64encode(b"key=" + RAW).decode(),
        quote(f"otpauth://totp/me?secret={KEY}"),
    ],
)
def test_a_key_of_one_time_codes_goes_also_as_the_bytes_that_it_stands_for(written):
    for known in (KEY, KEY.lower(), f"{KEY}===="):
        redacted = Redactor(known).without_known(f"before {written} after")
        assert HIDDEN in redacted
        assert written not in redacted
        assert redacted.endswith(" after")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("first Correct-Horse and then -7-Battery", f"first {HIDDEN}e and then -7-Battery"),
        ("cut at Correct-H", "cut at Correct-H"),
        ("the end of it was orse-7-Battery.", f"the end of it was o{HIDDEN}."),
        ("cut after Correct-Horse-7-Ba", f"cut after {HIDDEN}e-7-Ba"),
    ],
)
def test_half_of_a_long_secret_goes_as_all_of_it_does(text, redacted):
    found = Redactor("Correct-Horse-7-Battery").redact(text)
    assert (HIDDEN in found) == (HIDDEN in redacted)
    assert "Correct-Hors" not in found
    assert "rse-7-Battery" not in found


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=4, max_size=30), st.text(max_size=40)
)
def test_no_known_secret_is_left_in_any_text(secret, around):
    redactor = Redactor(secret)
    for written in (
        secret,
        quote(secret),
        quote_plus(secret),
        html.escape(secret),
        json.dumps(secret),
        secret.encode().hex(),
    ):
        redacted = redactor.redact(f"{around}{written}{around}")
        assert secret not in redacted.replace(HIDDEN, "\n")


def test_digits_that_follow_one_another_by_chance_are_no_code():
    redactor = Redactor(CODE)
    assert redactor.redact("4, 8, 3, 9, 2, 0") == "4, 8, 3, 9, 2, 0"
    assert redactor.redact(f"the code {CODE} was refused") == f"the code {HIDDEN} was refused"


def test_what_is_hidden_leaves_the_text_around_it_as_it_was():
    text = 'a "quoted" line,\\n with %41 and &amp; and é, then hunter2-hunter2.'
    assert Redactor("hunter2-hunter2").redact(text) == text.replace("hunter2-hunter2", HIDDEN)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('- fill("hunter2") on input', f"- fill({HIDDEN} on input"),
        ("GET http://x/reset?token=abc&x=1 failed", f"GET http://x/reset?{HIDDEN} failed"),
        ("navigated to /reset-password?token=abc", f"navigated to /reset-password?{HIDDEN}"),
        ("http://x/done#access_token=abc", f"http://x/done#{HIDDEN}"),
        ("http://user:word@x/", "http://x/"),
        ("Cookie: session=abc", f"Cookie: {HIDDEN}"),
        ("Set-Cookie: session=abc; Path=/", f"Set-Cookie: {HIDDEN}"),
        ("is this all? Yes, x = 5", "is this all? Yes, x = 5"),
    ],
)
def test_what_is_secret_by_its_place_goes_without_being_known(text, redacted):
    assert Redactor().redact(text).replace(f"{HIDDEN})", HIDDEN) == redacted


def test_very_short_values_are_no_secrets():
    assert Redactor("", "ok").redact("all ok") == "all ok"


def test_the_secrets_are_not_shown_by_repr():
    assert SECRET not in repr(Redactor(SECRET))


@pytest.mark.parametrize("encode", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_secret_is_found_among_bytes_of_any_kind(encode):
    content = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + "Correct-Horse-7".encode(encode) + b"\xff\x00"
    assert Redactor("Correct-Horse-7").is_in(content)
    assert not Redactor("Correct-Horse-8").is_in(content)


def test_the_folder_that_a_shell_works_in_is_no_password():
    folder = "/home/somebody/a/workspace"
    assert secrets_of({"PWD": folder, "OLDPWD": folder, "DB_PWD": "word-2222"}) == ("word-2222",)


def test_secrets_of_an_environment_are_known_by_their_names():
    environment = {
        "PROMETHEUS_TOKEN": "token-1",
        "DB_PASSWORD": "word-2",
        "AWS_SECRET_ACCESS_KEY": "key-33",
        "API_KEY": "key-44",
        "HOME": "/home/someone",
        "KEYBOARD": "a-layout",
        "AUTHOR": "somebody",
    }
    assert secrets_of(environment) == ("token-1", "word-2", "key-33", "key-44")


def test_a_stream_of_a_log_holds_no_secret_however_it_was_written_to_it():
    log, redactor = io.StringIO(), Redactor("Correct-Horse-7")
    stream = RedactedStream(log, redactor)

    print("began", end=" ", file=stream)
    print("Correct-", end="", file=stream)
    print("Horse-7", "and went on", file=stream)
    stream.write("no end of line: Correct-Horse-7")
    stream.flush()

    assert log.getvalue() == f"began {HIDDEN} and went on\nno end of line: {HIDDEN}"
