"""What holds of every cookie, whatever a server sends (RFC 6265)."""

import time
from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.cookies import CookieJar, cookie_date, default_path, matches

NOW = 1_700_000_000.0
names = st.text(st.sampled_from("abcXYZ09-_."), min_size=1, max_size=8)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=';",\\'), max_size=20)
segments = st.text(st.sampled_from("abc12-"), min_size=1, max_size=4)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.dictionaries(names, values, max_size=20))
def test_what_was_set_is_sent_back_unchanged(cookies):
    jar = CookieJar("shop.test")
    jar.update([f"{name}={value}; Path=/" for name, value in cookies.items()], "/", NOW)
    assert jar.header_for("/x", secure=False) == "; ".join(f"{n}={v}" for n, v in cookies.items())


@given(names, st.lists(values, min_size=1))
def test_of_one_name_and_path_the_last_one_stands(name, told):
    jar = CookieJar()
    for value in told:
        jar.update([f"{name}={value}; Path=/"], "/", NOW)
    assert jar.header_for("/", secure=False) == f"{name}={told[-1]}"


@given(paths, paths)
def test_a_cookie_is_sent_exactly_where_its_path_matches(asked, scope):
    jar = CookieJar()
    jar.update([f"a=1; Path={scope}"], "/", NOW)
    assert (jar.header_for(asked, secure=False) == "a=1") == matches(asked, scope)
    inside = asked.split("/")[1:]
    wanted = [part for part in scope.split("/")[1:] if part]
    assert matches(asked, scope) == (inside[: len(wanted)] == wanted)


@given(paths, paths)
def test_the_query_of_a_request_never_changes_a_path(path, query):
    assert default_path(f"{path}?next={query}/x") == default_path(path)
    assert matches(f"{path}?next={query}", path)


@given(paths)
def test_a_cookie_without_a_path_comes_back_to_the_page_that_set_it(path):
    jar = CookieJar()
    jar.update(["a=1"], path, NOW)
    assert jar.header_for(path, secure=False) == "a=1"


@given(st.lists(paths, unique=True, min_size=2, max_size=6))
def test_the_longest_path_comes_first(scopes):
    jar = CookieJar()
    jar.update([f"{n}=1; Path={scope}" for n, scope in enumerate(scopes)], "/", NOW)
    longest = max(scopes, key=len)
    sent = [int(pair.partition("=")[0]) for pair in jar.header_for(longest, secure=False).split("; ")]
    lengths = [len(scopes[n]) for n in sent]
    assert lengths == sorted(lengths, reverse=True)


@given(st.integers(-(10**12), 10**12), st.floats(0, 10**12))
def test_max_age_says_how_long_it_is_sent(age, later):
    jar = CookieJar()
    jar.update([f"a=1; Path=/; Max-Age={age}; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", NOW)
    assert (jar.header_for("/", secure=False, now=NOW + later) == "a=1") == (age > 0 and NOW + later < NOW + age)


@given(st.integers(0, 4_102_444_800), st.sampled_from(["rfc1123", "rfc850", "asctime"]))
def test_a_date_is_read_in_each_of_the_three_forms(second, form):
    shape = {
        "rfc1123": formatdate(second, usegmt=True),
        "rfc850": time.strftime("%A, %d-%b-%Y %H:%M:%S GMT", time.gmtime(second)),
        "asctime": time.asctime(time.gmtime(second)),
    }[form]
    assert cookie_date(shape) == second


@given(st.text())
def test_no_date_is_ever_a_traceback(text):
    assert cookie_date(text) is None or isinstance(cookie_date(text), float)


@given(st.lists(st.text()), paths)
def test_whatever_a_server_sends_the_header_stays_one_line_and_the_jar_small(lines, path):
    jar = CookieJar("shop.test")
    jar.update(lines, path, NOW)
    jar.update([f"{n}=1" for n in range(60)], path, NOW)
    assert len(jar) <= 50
    sent = jar.header_for(path, secure=True, now=NOW)
    assert not set(sent) & {"\r", "\n", "\0"}


def test_two_digit_years_are_of_this_century_or_the_last():
    assert cookie_date("Sun, 06-Nov-94 08:49:37 GMT") == 784111777.0
    assert cookie_date("Mon, 06-Nov-23 08:49:37 GMT") == 1699260577.0


def test_impossible_dates_are_no_dates():
    for text in ("30 Feb 2024 00:00:00", "1 Jan 1600 00:00:00", "1 Jan 2024 24:00:00", "1 Jan 2024", "", "Jan"):
        assert cookie_date(text) is None


def test_a_cookie_for_somebody_else_is_ignored():
    jar = CookieJar("account.shop.test")
    jar.update(["a=1; Domain=.shop.test", "b=1; Domain=evil.test", "c=1; Domain=unt.shop.test"], "/", NOW)
    assert jar.header_for("/", secure=False) == "a=1"
    address = CookieJar("127.0.0.1")
    address.update(["a=1; Domain=0.0.1", "b=1; Domain=127.0.0.1"], "/", NOW)
    assert address.header_for("/", secure=False) == "b=1"
