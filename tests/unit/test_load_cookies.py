from holdfast.load.cookies import CookieJar


def jar(*lines, path="/v2/sessions", now=1_700_000_000.0):
    found = CookieJar()
    found.update(lines, path, now)
    return found


def test_a_cookie_is_sent_back():
    assert jar("session=abc; HttpOnly; SameSite=Lax; Path=/").header_for("/v2/account", secure=False) == "session=abc"


def test_a_value_may_hold_an_equals_sign():
    assert jar("session=YWI=; Path=/").header_for("/", secure=False) == "session=YWI="


def test_the_newest_of_a_name_wins():
    cookies = jar("a=1; Path=/", "a=2; Path=/")
    assert cookies.header_for("/", secure=False) == "a=2"


def test_a_cookie_is_kept_from_other_paths():
    cookies = jar("a=1; Path=/v2")
    assert cookies.header_for("/v2/account?x=/", secure=False) == "a=1"
    assert cookies.header_for("/v20", secure=False) == ""


def test_without_a_path_the_folder_of_the_request_counts():
    cookies = jar("a=1", path="/v2/sessions")
    assert cookies.header_for("/v2/account", secure=False) == "a=1"
    assert cookies.header_for("/v1/account", secure=False) == ""


def test_a_secure_cookie_is_sent_over_tls_only():
    cookies = jar("a=1; Path=/; Secure")
    assert cookies.header_for("/", secure=False) == ""
    assert cookies.header_for("/", secure=True) == "a=1"


def test_a_cookie_can_be_taken_back():
    cookies = jar("a=1; Path=/", "b=1; Path=/")
    cookies.update(["a=; Path=/; Max-Age=0"], "/", 0.0)
    cookies.update(["b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", 1_700_000_000.0)
    assert cookies.header_for("/", secure=False) == ""


def test_what_is_no_cookie_is_passed_over():
    assert jar("nonsense", "=1", "").header_for("/", secure=False) == ""
