"""Prometheus' HTTP API: queries out, series in; time-outs, retries, bounds.

    tried again   no connection, an answer cut short, 429, 502, 503, 504: after 0.5, 1 and 2 s, or its Retry-After
    not tried     any other refusal, and a query that took Prometheus too long: it would again

Nothing of an answer is believed before it is whole, JSON, and of the shape that was asked for. A secret that it gives
back is told nowhere. A redirect is followed on the same host only. A Prometheus of production may stand behind a proxy:
those of the environment (https_proxy, no_proxy) are obeyed for it, and never for one on this machine.
Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from holdfast import __version__
from holdfast.clock import Clock, SystemClock
from holdfast.digits import whole
from holdfast.errors import InputError, MeasurementError, Problem
from holdfast.kit.mistrust import mistrust
from holdfast.kit.plain_client import printable
from holdfast.slo.sources.prometheus.connection import CA_FILE, TOKEN, Connection
from holdfast.workspace.target import is_loopback
from holdfast.workspace.tls import SYSTEM, Tls, context_of

MOST_POINTS: Final = 11_000  # that Prometheus gives of one series in one answer
MOST_BYTES: Final = 32_000_000
_WAITS: Final = (0.5, 1.0, 2.0)
_LONGEST_WAIT: Final = 30.0
_AGAIN: Final = (429, 502, 503, 504)
_LONGEST_ADDRESS: Final = 4_000  # of a GET; a longer query is sent as a form
_CHUNK: Final = 65_536
_LONGEST_EXCERPT: Final = 300


@dataclass(frozen=True, slots=True)
class Series:
    """Values at times, seconds since the epoch, as Prometheus gave them: NaN and infinities are among them."""

    labels: Mapping[str, str]
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`doubts`: its warnings and infos, such as that a part of the data was missing."""

    series: tuple[Series, ...]
    doubts: tuple[str, ...] = ()


class PrometheusApi:
    """`timeout`: seconds that one request may take; `deadline`: seconds that all together may, from the first on."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float = 30.0,
        deadline: float = 300.0,
        clock: Clock | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = connection.url
        self._connection = connection
        self._timeout = timeout
        self._deadline = deadline
        self._clock = clock or SystemClock()
        environment = os.environ if environment is None else environment
        self._authorization = connection.authorization(environment)
        self._secrets = connection.secrets(environment)
        self._ends: float | None = None
        self._given_up = ""  # why, once it did not answer: who asks for the next objective need not wait again

    def instant(self, query: str, at: float, where: str) -> Answer:
        """The value of each series at a time. `where`: what asks, for messages.

        Raises InputError where the query is refused, MeasurementError where there is no answer.
        """
        return self._ask("query", {"query": query, "time": _text(at)}, "vector", where)

    def range(self, query: str, start: float, end: float, step: int, where: str) -> Answer:
        """Values from `start` to `end`, both included, every `step` seconds: at most MOST_POINTS of them.

        Raises as `instant` does.
        """
        if (end - start) / step + 1 > MOST_POINTS:
            raise ValueError(f"{(end - start) / step + 1:.0f} points in one request")
        parameters = {"query": query, "start": _text(start), "end": _text(end), "step": str(step)}
        return self._ask("query_range", parameters, "matrix", where)

    def _ask(self, path: str, parameters: Mapping[str, str], kind: str, where: str) -> Answer:
        if self._ends is None:
            self._ends = self._clock.now() + self._deadline
        if self._given_up:
            raise self._silent(self._given_up)
        asking = {**parameters, "timeout": f"{self._timeout:g}s"}
        for wait in (*_WAITS, None):
            try:
                body = self._send(path, asking)
                return self._answer(self._loaded(body), kind)
            except urllib.error.HTTPError as error:
                with error:
                    status, told, again = self._refusal(error)
                if status not in _AGAIN or told.startswith("timeout:"):
                    raise self._refused(status, told, parameters["query"], where) from None
                why, pause = f"it answered {status}{f' ({told})' if told else ''}", again
            except (OSError, http.client.HTTPException) as error:
                why, pause = self._safe(_reason(error)), None
                if fault := self._mistrusted(error):
                    raise InputError(Problem(self._connection.where, *fault)) from None
            if wait is None:
                break
            pause = wait if pause is None else min(pause, _LONGEST_WAIT)
            if self._clock.now() + pause >= self._ends:
                break
            self._clock.sleep(pause)
        self._given_up = why
        raise self._silent(why)

    def _mistrusted(self, error: Exception) -> tuple[str, str] | None:
        """What is wrong with its certificate, and what to do; None when that is not what failed."""
        import ssl

        inner = error.reason if isinstance(error, urllib.error.URLError) else error
        if not isinstance(inner, ssl.SSLCertVerificationError):
            return None
        host, own = urlsplit(self.url).hostname or "", self._connection.ca_file is not None
        found = mistrust(inner, self.url, host, own_authority=own, setting=f"caFile, or {CA_FILE}")
        return None if found is None else (f"who answers is not proven: {found[0]}", found[1])

    def _silent(self, why: str) -> MeasurementError:
        fix = "nothing can be said without it: try again, or give --timeout more"
        what = f"Prometheus at {self.url} does not answer: {why}"
        return MeasurementError(Problem(self._connection.where, what, fix))

    def _send(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Raises OSError or HTTPException where the answer does not come, whole and in time."""
        now = self._clock.now()
        left = min(self._timeout, (self._ends or now) - now)
        if left <= 0:
            raise TimeoutError(f"all requests together took longer than {self._deadline:g} s")
        address, form = f"{self.url}/api/v1/{path}", urlencode(parameters)
        data = None
        if len(address) + len(form) < _LONGEST_ADDRESS:
            address = f"{address}?{form}"
        else:
            data = form.encode("ascii")
        headers = {"Accept": "application/json", "User-Agent": f"holdfast/{__version__}"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        request = urllib.request.Request(address, data, headers)  # noqa: S310 - http and https only: see Connection
        with self._opener.open(request, timeout=left) as response:
            body = bytearray()
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    what = f"the answer of {self.url} is larger than {MOST_BYTES // 1_000_000} MB"
                    raise MeasurementError(Problem(self._connection.where, what, "sum series up in the query: sum(…)"))
                if self._clock.now() > now + left:
                    raise TimeoutError("timed out")
            promised = whole(response.headers.get("Content-Length") or "")
            if promised is not None and len(body) < promised:
                raise http.client.IncompleteRead(bytes(body), promised - len(body))
            return bytes(body)

    def _loaded(self, body: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("status") != "success":
            what = f"{self.url} does not answer as Prometheus does: {self._safe(_excerpt(body))}"
            raise MeasurementError(
                Problem(self._connection.where, what, "check the address, and what stands before it")
            )
        return found

    def _refusal(self, error: urllib.error.HTTPError) -> tuple[int, str, float | None]:
        """Status, Prometheus' own words ("bad_data: …"), and for how long to wait, where it says so."""
        try:
            body = error.read(_CHUNK)
        except (OSError, http.client.HTTPException):
            body = b""
        try:
            found = json.loads(body)
            told = printable(f"{found['errorType']}: {found['error']}", _LONGEST_EXCERPT)
        except (ValueError, TypeError, KeyError, RecursionError):
            told = _excerpt(body)
        after = whole(error.headers.get("Retry-After", "") if error.headers else "")
        return error.code, self._safe(told), None if after is None else float(after)

    def _refused(self, status: int, told: str, query: str, where: str) -> InputError | MeasurementError:
        named = f"Prometheus at {self.url}"
        if status in (401, 403):
            fix = f"set {TOKEN}, or what its DataSource names" if not self._authorization else "check the secret"
            return InputError(Problem(self._connection.where, f"{named} lets us not in ({status})", fix))
        if told.startswith("timeout:"):
            fix = "give --timeout more, or --step, or record the metric by a rule"
            return MeasurementError(Problem(where, f"{named} took too long ({told}): {query}", fix))
        if status in (400, 422):
            return InputError(Problem(where, f"{named} refuses the query ({told}): {query}", "correct it"))
        if 300 <= status < 400:
            fix = "write the address that it leads to, if it is to be trusted"
            return InputError(Problem(self._connection.where, f"{named} redirects elsewhere ({told})", fix))
        if 400 <= status < 500:
            what = f"{named} answers {status}{f' ({told})' if told else ''}"
            return InputError(
                Problem(self._connection.where, what, "check the address, and leave out /api/v1 and what follows it")
            )
        what = f"{named} answers {status}{f' ({told})' if told else ''}"
        return MeasurementError(Problem(self._connection.where, what, "nothing can be said without it: see its log"))

    def _answer(self, found: Mapping[str, Any], kind: str) -> Answer:
        """Raises MeasurementError where it is not what the API promises."""
        try:
            doubts = tuple(
                printable(self._safe(str(text)), _LONGEST_EXCERPT)
                for key in ("warnings", "infos")
                for text in found.get(key) or ()
            )
            data = found["data"]
            if data["resultType"] == "scalar" and kind == "vector":
                at, value = data["result"]
                return Answer((Series({}, (float(at),), (float(value),)),), doubts)
            if data["resultType"] != kind:
                raise TypeError(f"a {data['resultType']}")  # noqa: TRY301 - one answer for all that is odd
            series = tuple(self._series(each, kind) for each in data["result"])
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            what = f"{self.url} answers with what is not a {kind}: {type(error).__name__} {self._safe(str(error))}"
            raise MeasurementError(
                Problem(self._connection.where, what, "check what stands between it and Prometheus")
            ) from None
        return Answer(series, doubts)

    def _series(self, found: Mapping[str, Any], kind: str) -> Series:
        pairs = found["values"] if kind == "matrix" else [found["value"]]
        times = tuple(float(at) for at, _ in pairs)
        if not all(math.isfinite(at) for at in times):
            raise ValueError("a time that is none")
        return Series(
            {name: self._safe(str(value)) for name, value in dict(found["metric"]).items()},
            times,
            tuple(float(value) for _, value in pairs),
        )

    def _safe(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_SameHost()]
        if is_loopback(self.url):
            handlers.append(urllib.request.ProxyHandler({}))  # what is on this machine is asked by no other
        if self.url.startswith("https:"):
            tls = SYSTEM if self._connection.ca_file is None else Tls(ca_file=self._connection.ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context_of(tls)))
        return urllib.request.build_opener(*handlers)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Where a redirect leads is the server's word: a secret follows it to the same place only, or to its https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if old.hostname != new.hostname or (new.scheme, new.port) not in {(old.scheme, old.port), ("https", old.port)}:
            return None  # then the redirect itself is the answer
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return str(inner) or "timed out"
    if isinstance(inner, http.client.IncompleteRead):
        return "its answer was cut short"
    return printable(str(inner), _LONGEST_EXCERPT) or type(inner).__name__


def _excerpt(body: bytes) -> str:
    return (
        printable(" ".join(body[:_LONGEST_EXCERPT].decode("utf-8", "replace").split()), _LONGEST_EXCERPT) or "nothing"
    )


def _text(at: float) -> str:
    return f"{at:.3f}".rstrip("0").rstrip(".")
