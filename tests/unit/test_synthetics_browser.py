"""Finding a browser, launching it without outside traffic, marking what it sends, and reading vitals."""

import pytest

from holdfast.synthetics.browser import find_browser, launch_arguments
from holdfast.synthetics.marking import marked_user_agent, marking_headers, new_trace_id, origin_of, other_origins
from holdfast.synthetics.vitals import VitalsReader


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "builds"))

    def make(name, mode=0o755):
        path = tmp_path / name
        path.touch(mode=mode)
        return path

    return make


def test_the_browser_that_is_set_wins(program):
    wanted, other = program("wanted"), program("other")

    assert find_browser(str(wanted), [other]) == (wanted, [])


def test_a_set_browser_that_cannot_run_is_a_problem_and_no_other_is_taken(program):
    path, problems = find_browser(str(program("text", mode=0o644)), [program("other")])

    assert path is None
    assert "is not a program that can be run" in problems[0].what


def test_the_first_of_the_systems_browsers_that_is_there_is_taken(program, tmp_path):
    second = program("second")

    assert find_browser(None, [tmp_path / "first", second]) == (second, [])


def test_no_browser_is_a_problem_that_says_how_to_get_one(program, tmp_path):
    path, problems = find_browser(None, [tmp_path / "none"])

    assert path is None
    assert "apt-get install" in problems[0].fix


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("https://Account.Example", "account.example:443"),
        ("http://[::1]/", "[::1]:80"),
    ],
)
def test_nothing_but_the_targets_host_and_port_is_looked_up_whatever_proxies_there_are(monkeypatch, url, place):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    arguments = launch_arguments(url, as_root=False)

    assert f"--host-resolver-rules=MAP {place} {place}, MAP * ~NOTFOUND" in arguments
    assert "--no-proxy-server" in arguments
    assert "--disable-background-networking" in arguments


def test_the_sandbox_is_given_up_for_root_alone():
    assert "--no-sandbox" in launch_arguments("http://h/", as_root=True)
    assert "--no-sandbox" not in launch_arguments("http://h/", as_root=False)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8080/x?y", "http://127.0.0.1:8080"),
        ("https://Account.Example:443/", "https://account.example"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "is_other"),
    [
        ("https://account.example/sign-in", False),
        ("https://account.example", False),
        ("https://account.example:8443/", True),
        ("https://account.example.evil/", True),
        ("http://account.example/", True),
        ("https://cdn.example/x.js", True),
    ],
)
def test_every_other_origin_is_matched(url, is_other):
    assert bool(other_origins("https://account.example/").match(url)) is is_other


def test_requests_carry_the_mark_and_one_trace():
    trace_id = new_trace_id()

    headers = marking_headers(trace_id)

    assert headers["X-Holdfast-Synthetic"] == "1"
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, trace, len(span), flags) == ("00", trace_id, 16, "01")


def test_the_user_agent_is_the_browsers_own_and_the_marker():
    marked = marked_user_agent("Mozilla/5.0 HeadlessChrome/156.0 Safari", "holdfast/1 (synthetic)")

    assert marked == "Mozilla/5.0 Chrome/156.0 Safari holdfast/1 (synthetic)"


def test_the_vitals_of_a_document_are_told_once_and_its_interactions_when_they_get_slower():
    reader = VitalsReader()

    first = reader.news({"document": 1.0, "lcp": 0.4, "fcp": 0.3, "ttfb": 0.1, "cls": 0.0, "inp": None})
    same = reader.news({"document": 1.0, "lcp": 0.4, "fcp": 0.3, "ttfb": 0.1, "cls": 0.0, "inp": 0.05})
    faster = reader.news({"document": 1.0, "lcp": 0.4, "inp": 0.04})
    next_page = reader.news({"document": 2.0, "lcp": 0.2, "fcp": None, "ttfb": 0.1, "cls": 0.01})

    assert first == {"lcp": 0.4, "fcp": 0.3, "ttfb": 0.1, "cls": 0.0}
    assert same == {"inp": 0.05}
    assert faster == {}
    assert next_page == {"lcp": 0.2, "ttfb": 0.1, "cls": 0.01}
