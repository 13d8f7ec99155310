"""Prometheus as a source, against a server that answers as it is told."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.certificates import Authority
from tests.unit.fake_prometheus import Asked, Reply, SteppedClock, fake_prometheus, matrix, refused, vector

from holdfast.errors import InputError, MeasurementError
from holdfast.slo.objective import AnyIndicator, Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.sources.prometheus import Connection, PrometheusSource, connection_of
from holdfast.slo.sources.prometheus import api as api_module
from holdfast.slo.sources.prometheus.api import MOST_POINTS, PrometheusApi
from holdfast.slo.window import Span, parse_window

EMPTY = matrix()


def _query(query: str, **spec: Any) -> Query:
    return Query("prometheus", {"query": query, **spec}, where="slo/a.yaml:7  spec")


def _ratio(**spec: Any) -> QueryRatio:
    total = {"testTraffic": "total_tests"} if spec else {}
    return QueryRatio("ok", _query("total", **total), good=_query("good", **spec))


def _objective(indicator: AnyIndicator) -> Objective:
    return Objective(
        "sign-in",
        "",
        "s",
        "",
        Decimal("0.99"),
        parse_window("28d"),
        indicator,
        runbook="",
        owner="",
        where="slo/a.yaml:9",
    )


def _source(url: str, at: float = 1000.0, **more: Any) -> PrometheusSource:
    return PrometheusSource(Connection(url), at=at, environment=more.pop("environment", {}), **more)


def _by_query(**replies: Reply) -> Callable[[Asked], Reply]:
    """By the first word of the query that is a name here."""

    def reply(asked: Asked) -> Reply:
        query = asked.parameters["query"]
        if "good" in query and "total" in query:
            return replies["bad"]
        return next(found for name, found in replies.items() if name in query)

    return reply


def test_a_step_holds_what_is_counted_at_its_end() -> None:
    total = matrix([(60, "10"), (120, "20"), (240, "40")])
    bad = matrix([(60, "1"), (120, "0"), (240, "4")])
    with fake_prometheus(_by_query(total=total, bad=bad)) as server:
        found = _source(server.url).observe(_objective(_ratio()), Span(0, 240), 60)
    assert found.history.start == 0
    assert found.history.total.tolist() == [10, 20, 0, 40]
    assert found.history.good.tolist() == [9, 20, 0, 36]
    assert found.history.measured.tolist() == [True, True, False, True]
    assert found.notes == ("1 of 4 steps have no total, and are not measured",)
    first, second = server.asked
    assert first.path == "/api/v1/query_range"
    assert {name: first.parameters[name] for name in ("start", "end", "step")} == {
        "start": "60",
        "end": "240",
        "step": "60",
    }
    assert first.parameters["query"] == "sum(increase(total[1m]))"
    all_of_it = "sum(increase(total[1m]))"
    assert second.parameters["query"] == f"({all_of_it} - (sum(increase(good[1m])) or 0 * {all_of_it}))"


def test_nothing_after_the_moment_of_asking_is_asked_for() -> None:
    total = vector((60, "10"))
    with fake_prometheus(_by_query(total=total, bad=vector())) as server:
        found = _source(server.url, at=119.9).observe(_objective(_ratio()), Span(0, 600), 60)
    assert len(found.history) == 1
    assert {asked.parameters.get("end", asked.parameters.get("time")) for asked in server.asked} == {"60"}


def test_no_bad_series_beside_a_total_is_no_error_and_no_total_is_no_measurement() -> None:
    total = matrix([(60, "10"), (120, "NaN")])
    with fake_prometheus(_by_query(total=total, bad=EMPTY)) as server:
        found = _source(server.url).observe(_objective(_ratio()), Span(0, 120), 60).history
    assert found.good.tolist() == [10, 0]
    assert found.measured.tolist() == [True, False]
    with fake_prometheus(lambda _: EMPTY) as server:
        nothing = _source(server.url).observe(_objective(_ratio()), Span(0, 120), 60)
    assert not nothing.history.measured.any()
    assert len(server.asked) == 1  # where there is no total, bad ones say nothing
    assert "nothing was measured" in nothing.notes[0]


def test_nan_and_infinity_are_no_measurements_and_are_told() -> None:
    total = matrix([(60, "10"), (120, "NaN"), (180, "+Inf"), (240, "10")])
    bad = matrix([(60, "1"), (120, "0"), (180, "0"), (240, "NaN")])
    with fake_prometheus(_by_query(total=total, bad=bad)) as server:
        found = _source(server.url).observe(_objective(_ratio()), Span(0, 240), 60)
    assert found.history.measured.tolist() == [True, False, False, True]
    assert np.isfinite(found.history.good).all()
    assert "1 of 4 steps were answered with NaN" in found.notes
    assert "1 of 4 steps were answered with infinity, and are not measured" in found.notes


def test_more_good_events_than_events_are_left_as_they_are_and_told() -> None:
    total = matrix([(60, "10"), (120, "10")])
    bad = matrix([(60, "-3"), (120, "-1e-12")])
    with fake_prometheus(_by_query(total=total, bad=bad)) as server:
        found = _source(server.url).observe(_objective(_ratio()), Span(0, 120), 60)
    assert found.history.good.tolist() == [13, 10]  # floats' noise is none
    assert found.notes == ("1 of 2 steps have more good events than events, or fewer than none",)


def test_several_series_are_an_error_that_names_them() -> None:
    with (
        fake_prometheus(lambda _: matrix([(60, "1")], [(60, "2")])) as server,
        pytest.raises(InputError, match=r'2 series answer for sign-in \({instance="0"}, {instance="1"}\)') as error,
    ):
        _source(server.url).observe(_objective(_ratio()), Span(0, 120), 60)
    assert error.value.problems[0].where == "slo/a.yaml:9"


def test_warnings_are_told_with_the_steps_they_stand_over() -> None:
    total = matrix([(60, "10"), (120, "10")], warnings=["a store is away"], infos=["not a counter"])
    with fake_prometheus(_by_query(total=total, bad=EMPTY)) as server:
        found = _source(server.url).observe(_objective(_ratio()), Span(0, 120), 60)
    assert found.notes == (
        "2 of 2 steps were answered with a warning: a store is away",
        "2 of 2 steps were answered with a warning: not a counter",
    )


def test_long_histories_are_asked_in_parts_that_prometheus_gives() -> None:
    steps = 2 * MOST_POINTS + 5

    def reply(asked: Asked) -> Reply:
        start, end, step = (int(asked.parameters[name]) for name in ("start", "end", "step"))
        assert (end - start) // step + 1 <= MOST_POINTS
        times = range(start, end + 1, step)
        return matrix([(at, "3" if asked.parameters["query"] == "sum(increase(total[1m]))" else "1") for at in times])

    with fake_prometheus(reply) as server:
        found = _source(server.url, at=1e9).observe(_objective(_ratio()), Span(0, steps * 60), 60).history
    assert len(found) == steps
    assert found.measured.all()
    assert found.total.sum() == 3 * steps
    assert found.good.sum() == 2 * steps
    assert len(server.asked) == 6


def test_one_step_however_long_is_one_instant_query() -> None:
    replies = _by_query(total=vector((2_419_200.0, "100")), bad=vector((2_419_200.0, "3")))
    with fake_prometheus(replies) as server:
        found = _source(server.url, at=2_419_200.9).instant(_objective(_ratio()), 2_419_200).history
    assert (found.start, found.step, found.total.tolist(), found.good.tolist()) == (0, 2_419_200, [100], [97])
    assert [asked.path for asked in server.asked] == ["/api/v1/query"] * 2
    assert {asked.parameters["time"] for asked in server.asked} == {"2419200"}
    assert "[28d]" in server.asked[0].parameters["query"]


def test_the_marked_part_is_observed_beside_the_whole() -> None:
    def reply(asked: Asked) -> Reply:
        query = asked.parameters["query"]
        if "tests" in query:
            return matrix([(60, "1" if "good" in query else "2")])
        return EMPTY if "good" in query else matrix([(60, "10"), (120, "5")])

    with fake_prometheus(reply) as server:
        found = _source(server.url).observe(_objective(_ratio(testTraffic="good_tests")), Span(0, 180), 60)
    assert found.test_traffic is not None
    assert found.history.total.tolist() == [10, 5, 0]
    assert found.test_traffic.total.tolist() == [2, 0, 0]
    assert found.test_traffic.good.tolist() == [1, 0, 0]
    assert found.test_traffic.measured.tolist() == found.history.measured.tolist()


def test_test_traffic_on_one_side_alone_is_wrong() -> None:
    ratio = replace(_ratio(), good=_query("good", testTraffic="good_tests"))
    with pytest.raises(InputError, match="testTraffic stands on one side"):
        _source("http://127.0.0.1:1").observe(_objective(ratio), Span(0, 60), 60)


def test_a_raw_ratio_is_looked_at_once_a_step_and_weighs_one() -> None:
    raw = QueryRaw("r", _query("ratio"), success=True)
    with fake_prometheus(lambda _: matrix([(60, "0.25"), (120, "NaN"), (180, "0")])) as server:
        found = _source(server.url).observe(_objective(raw), Span(0, 180), 60).history
    assert server.asked[0].parameters["query"] == "1 - (ratio)"
    assert found.total.tolist() == [1, 0, 1]
    assert found.good.tolist() == [0.75, 0, 1]


def test_a_threshold_that_has_no_value_is_not_missed() -> None:
    threshold = QueryThreshold("t", _query("p99"), "lte", Decimal("0.4"))
    with fake_prometheus(lambda _: matrix([(60, "0"), (180, "1")])) as server:
        found = _source(server.url).observe(_objective(threshold), Span(0, 180), 60).history
    assert server.asked[0].parameters["query"] == "1 - (((p99) >= -Inf) <= bool 0.4)"
    assert found.measured.tolist() == [True, False, True]
    assert found.good.tolist() == [1, 0, 0]


# ── what a server may do ──


def _api(url: str, clock: SteppedClock | None = None, **more: Any) -> PrometheusApi:
    return PrometheusApi(Connection(url), clock=clock, environment=more.pop("environment", {}), **more)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    replies = [Reply(b"busy", status), Reply(b"busy", status), vector((5, "1"))]
    clock = SteppedClock()
    with fake_prometheus(lambda _: replies.pop(0)) as server:
        assert _api(server.url, clock).instant("up", 5, "here").series[0].values == (1.0,)
    assert clock.waits == [0.5, 1.0]


def test_the_server_says_how_long_to_wait() -> None:
    replies = [refused(429, "x", "slow down", Retry_After="7"), vector((5, "1"))]
    clock = SteppedClock()
    with fake_prometheus(lambda _: replies.pop(0)) as server:
        _api(server.url, clock).instant("up", 5, "here")
    assert clock.waits == [7.0]


def test_who_did_not_answer_is_not_asked_for_the_next_objective() -> None:
    with fake_prometheus(lambda _: Reply(b"busy", 503)) as server:
        clock = SteppedClock()
        source = _source(server.url, clock=clock)
        for _ in range(3):
            with pytest.raises(MeasurementError, match="does not answer"):
                source.observe(_objective(_ratio()), Span(0, 60), 60)
        waited = clock.now()
        asked = len(server.asked)

    with pytest.raises(MeasurementError, match="does not answer"):
        source.observe(_objective(_ratio()), Span(0, 60), 60)
    assert asked == 4
    assert clock.now() == waited


def test_it_is_not_tried_for_ever() -> None:
    clock = SteppedClock()
    with fake_prometheus(lambda _: Reply(b"busy", 503)) as server:
        with pytest.raises(MeasurementError, match=r"does not answer: it answered 503 \(busy\)"):
            _api(server.url, clock).instant("up", 5, "here")
        assert len(server.asked) == 4
        clock = SteppedClock()
        with pytest.raises(MeasurementError):
            _api(server.url, clock, deadline=1.0).instant("up", 5, "here")
    assert clock.waits == [0.5]


@pytest.mark.parametrize("status", [400, 422])
def test_a_query_that_is_refused_is_told_in_prometheus_words_and_not_tried_again(status: int) -> None:
    reply = refused(status, "bad_data", "1:4: parse error: unexpected end of input")
    with fake_prometheus(lambda _: reply) as server:
        with pytest.raises(InputError) as error:
            _api(server.url).instant("sum(", 5, "slo/a.yaml:9")
        assert len(server.asked) == 1
    problem = error.value.problems[0]
    assert problem.where == "slo/a.yaml:9"
    assert "(bad_data: 1:4: parse error: unexpected end of input): sum(" in problem.what


def test_a_query_that_took_prometheus_too_long_is_not_tried_again() -> None:
    with fake_prometheus(lambda _: refused(503, "timeout", "query timed out")) as server:
        with pytest.raises(MeasurementError, match="took too long"):
            _api(server.url).instant("up", 5, "here")
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        (Reply(b"<html>log in</html>"), MeasurementError, "does not answer as Prometheus does: <html>log in"),
        (Reply(b'{"status": "succ'), MeasurementError, "does not answer as Prometheus does"),
        (Reply(b"[1]"), MeasurementError, "does not answer as Prometheus does"),
        (Reply(b'{"status":"success","data":{"resultType":"vector"}}'), MeasurementError, "KeyError"),
        (Reply(b'{"status":"success","data":{"resultType":"string","result":[1,"x"]}}'), MeasurementError, "a string"),
        (vector((5, "seven")), MeasurementError, "not a vector"),
        (Reply(b"no such page", 404), InputError, "answers 404"),
        (Reply(b"oh", 500), MeasurementError, "answers 500"),
        (Reply(b"", 401), InputError, "lets us not in"),
        (Reply(b"", 302, {"Location": "http://localhost:1/"}), InputError, "redirects elsewhere"),
    ],
    ids=["a page", "cut JSON", "a list", "no result", "a string", "no number", "404", "500", "401", "redirect"],
)
def test_what_is_no_answer_is_told(reply: Reply, error: type[Exception], told: str) -> None:
    with fake_prometheus(lambda _: reply) as server, pytest.raises(error, match=told):
        _api(server.url).instant("up", 5, "here")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(["matrix", "vector", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metric", "values", "value", "result", "resultType"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(data=_JSON, warnings=_JSON, kind=st.sampled_from(["matrix", "vector"]))
def test_whatever_is_answered_is_an_answer_or_is_told(data: Any, warnings: Any, kind: str) -> None:
    import contextlib

    with contextlib.suppress(MeasurementError):
        _api("http://x")._answer({"status": "success", "data": data, "warnings": warnings}, kind)
    result = {"resultType": kind, "result": data}
    with contextlib.suppress(MeasurementError):
        _api("http://x")._answer({"status": "success", "data": result, "infos": warnings}, kind)


def test_an_answer_that_is_cut_short_is_asked_for_again() -> None:
    whole = vector((5, "1"))
    replies = [replace(whole, cut=10), whole]
    with fake_prometheus(lambda _: replies.pop(0)) as server:
        assert _api(server.url, SteppedClock()).instant("up", 5, "here").series[0].values == (1.0,)


def test_an_answer_that_does_not_come_ends() -> None:
    hold = threading.Event()
    with fake_prometheus(lambda _: Reply(b"{}", hold=hold)) as server:
        try:
            with pytest.raises(MeasurementError, match="does not answer: timed out"):
                _api(server.url, SteppedClock(), timeout=0.05).instant("up", 5, "here")
        finally:
            hold.set()
    assert len(server.asked) == 4
    assert server.asked[0].parameters["timeout"] == "0.05s"


def test_an_answer_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MOST_BYTES", 100_000)
    with (
        fake_prometheus(lambda _: Reply(b" " * 200_000)) as server,
        pytest.raises(MeasurementError, match="is larger than"),
    ):
        _api(server.url).instant("up", 5, "here")


def test_nobody_there_is_told(unused_tcp_port: int) -> None:
    with pytest.raises(MeasurementError, match="Connection refused"):
        _api(f"http://127.0.0.1:{unused_tcp_port}", SteppedClock()).instant("up", 5, "here")


def test_a_long_query_is_sent_as_a_form() -> None:
    query = "+".join(["up"] * 3000)
    with fake_prometheus(lambda _: vector((5, "1"))) as server:
        _api(server.url).instant(query, 5, "here")
        _api(server.url).instant("up", 5, "here")
    assert [asked.method for asked in server.asked] == ["POST", "GET"]
    assert server.asked[0].parameters["query"] == query


# ── as whom ──


def test_secrets_come_from_the_environment() -> None:
    with fake_prometheus(lambda _: vector((5, "1"))) as server:
        for environment in (
            {},
            {"HOLDFAST_PROMETHEUS_TOKEN": "t0k"},
            {"HOLDFAST_PROMETHEUS_USER": "u", "HOLDFAST_PROMETHEUS_PASSWORD": "p"},
        ):
            _api(server.url, environment=environment).instant("up", 5, "here")
        named = Connection(server.url, token_env="PROM_TOKEN")
        PrometheusApi(named, environment={"PROM_TOKEN": "own", "HOLDFAST_PROMETHEUS_TOKEN": "t0k"}).instant("up", 5, "")
    sent = [asked.headers.get("Authorization") for asked in server.asked]
    assert sent == [None, "Bearer t0k", "Basic dTpw", "Bearer own"]


def test_a_redirect_to_another_place_gets_no_secret() -> None:
    with fake_prometheus(lambda _: vector((5, "1"))) as other:
        away = Reply(b"", 302, {"Location": f"{other.url}/api/v1/query"})
        with (
            fake_prometheus(lambda _: away) as server,
            pytest.raises(InputError, match="redirects elsewhere"),
        ):
            _api(server.url, environment={"HOLDFAST_PROMETHEUS_TOKEN": "t0k"}).instant("up", 5, "here")
    assert other.asked == []


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def reply(asked: Asked) -> Reply:
        return vector((5, "1")) if asked.path == "/there" else Reply(b"", 302, {"Location": "/there"})

    with fake_prometheus(reply) as server:
        assert _api(server.url).instant("up", 5, "here").series[0].values == (1.0,)


def test_no_message_holds_a_secret() -> None:
    environment = {"HOLDFAST_PROMETHEUS_TOKEN": "s3cr3t"}
    for reply in (
        Reply(b"you sent Bearer s3cr3t", 400),
        Reply(b"you sent Bearer s3cr3t", 503),
        Reply(b"you sent Bearer s3cr3t", 200),
    ):
        with (
            fake_prometheus(lambda _, reply=reply: reply) as server,
            pytest.raises(Exception, match="you sent") as error,
        ):
            _api(server.url, SteppedClock(), environment=environment).instant("up", 5, "here")
        assert "s3cr3t" not in str(error.value)
    assert "s3cr3t" not in repr(Connection("https://a.example"))


def test_no_part_of_an_answer_tells_a_secret() -> None:
    at = {"metric": {"instance": "s3cr3t"}, "value": [5, "1"]}
    body = {"status": "success", "data": {"resultType": "vector", "result": [at]}, "warnings": ["you sent s3cr3t"]}
    with fake_prometheus(lambda _: Reply(json.dumps(body).encode())) as server:
        answer = _api(server.url, environment={"HOLDFAST_PROMETHEUS_TOKEN": "s3cr3t"}).instant("up", 5, "here")
    assert "s3cr3t" not in repr(answer)
    for odd in (vector((5, "s3cr3t")), Reply(json.dumps(body).replace("vector", "s3cr3t").encode())):
        with (
            fake_prometheus(lambda _, odd=odd: odd) as server,
            pytest.raises(MeasurementError, match="what is not a vector") as error,
        ):
            _api(server.url, environment={"HOLDFAST_PROMETHEUS_TOKEN": "s3cr3t"}).instant("up", 5, "here")
        assert "s3cr3t" not in str(error.value)


def test_a_token_may_end_in_a_line_break_and_one_that_no_header_can_carry_is_told_without_it() -> None:
    environment = {"HOLDFAST_PROMETHEUS_TOKEN": "t0k\n"}
    with fake_prometheus(lambda _: vector((5, "1"))) as server:
        found = connection_of(_objective(_ratio()), server.url, environment)
        PrometheusApi(found, environment=environment).instant("up", 5, "here")
    assert server.asked[0].headers["Authorization"] == "Bearer t0k"
    for token in ("s3cr\n3t", "s3cr€t"):
        with pytest.raises(InputError, match="holds a character that no token has") as error:
            connection_of(_objective(_ratio()), "http://127.0.0.1:9090", {"HOLDFAST_PROMETHEUS_TOKEN": token})
        assert "s3cr" not in str(error.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"[" * 100_000),
        Reply(
            b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1e999,"1"]}]}}',
        ),
    ],
    ids=["too deep", "no time"],
)
def test_an_answer_that_is_none_is_told_as_such(reply: Reply) -> None:
    with (
        fake_prometheus(lambda _: reply) as server,
        pytest.raises(MeasurementError, match=r"does not answer as Prometheus does|a time that is none"),
    ):
        _api(server.url).instant("up", 5, "here")


def test_who_is_not_proven_is_not_asked_twice(tmp_path: Path) -> None:
    import ssl
    from http.server import BaseHTTPRequestHandler, HTTPServer

    issuer = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issuer.signed())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = vector((5, "1")).body
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    url = f"https://localhost:{server.server_address[1]}"
    try:
        with pytest.raises(InputError, match="is not proven"):
            _api(url).instant("up", 5, "here")
        trusting = PrometheusApi(Connection(url, ca_file=str(issuer.ca_file)), environment={})
        assert trusting.instant("up", 5, "here").series[0].values == (1.0,)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _of_source(details: dict[str, Any]) -> Objective:
    total = Query("prometheus", {"query": "total"}, details, "prom", "slo/a.yaml:7  spec")
    return _objective(QueryRatio("ok", total, good=total))


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({}, "nothing says where the Prometheus of sign-in is"),
        ({"url": "ftp://prom.example"}, "is not an http or https address"),
        ({"url": "https://u:p@prom.example"}, "holds more than scheme"),
        ({"url": "https://prom.example/?token=x"}, "holds more than scheme"),
        ({"url": "https://prom.example:99999"}, "is none"),
        ({"url": "https://prom.example", "token": "abc"}, "would be a secret in a file"),
        ({"url": "https://prom.example", "basic_auth_password": "abc"}, "would be a secret in a file"),
        ({"url": "https://prom.example", "tokenenv": "PROM_TOKEN"}, "would be a secret"),
        ({"url": "https://prom.example", "ur": "x"}, "unknown ur"),
        ({"url": "https://prom.example", "tokenEnv": "AWS_SECRET_ACCESS_KEY"}, "with PROM in their name"),
        ({"url": "https://prom.example", "tokenEnv": "PROM_UNSET"}, "does not hold"),
        ({"url": "http://prom.example", "tokenEnv": "PROM_TOKEN"}, "unencrypted"),
        ({"url": "https://prom.example", "caFile": "none.pem"}, "there is no file none.pem"),
    ],
)
def test_a_source_that_cannot_be_used_is_told_where_it_stands(details: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        connection_of(_of_source(details), None, {"PROM_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "s"})
    assert error.value.problems[0].where.startswith("slo/a.yaml:")


def test_a_given_address_stands_before_the_files() -> None:
    objective = _of_source({"url": "https://prom.example/", "tokenEnv": "PROM_TOKEN"})
    own = connection_of(objective, None, {"PROM_TOKEN": "t"})
    assert (own.url, own.token_env) == ("https://prom.example", "PROM_TOKEN")
    given = connection_of(objective, "http://127.0.0.1:9090/", {})
    assert (given.url, given.token_env) == ("http://127.0.0.1:9090", "HOLDFAST_PROMETHEUS_TOKEN")
    with pytest.raises(InputError, match="unencrypted"):
        connection_of(objective, "http://prom.example", {"HOLDFAST_PROMETHEUS_TOKEN": "t"})


def test_a_query_of_bad_events_that_never_matched_is_doubted() -> None:
    indicator = QueryRatio("ok", _query("total"), bad=_query("wrong"))

    def reply(asked: Asked) -> Reply:
        return matrix([(60, "0")]) if "wrong" in asked.parameters["query"] else matrix([(60, "50")])

    with fake_prometheus(reply) as server:
        observed = _source(server.url).observe(_objective(indicator), Span(0, 120), 60)

    assert observed.history.good.tolist() == [50.0, 0.0]
    assert any("does the query of bad match anything" in note for note in observed.notes)
