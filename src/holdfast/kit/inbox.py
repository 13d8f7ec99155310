"""The visitor's mailbox: messages that the target sent, read from its outbox.

GET {outbox_url}/messages?to=EMAIL&since=EPOCH
{"messages": [{"id", "to", "kind": "password_reset", "at": epoch, "token", "body"}, …]}   newest last
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from holdfast import __version__
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.plain_client import Rules, UnansweredError, ask
from holdfast.record.sample import FAILED, TRANSPORT_ERROR

Fetch = Callable[[str], bytes]
_MOST_REDIRECTS: Final = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `at` is seconds since the epoch; `token` is a secret for as long as it can be used."""

    id: str
    to: str
    kind: str
    at: float
    token: str = field(default="", repr=False)
    body: str = field(default="", repr=False)


class Inbox:
    """Reads the outbox at `outbox_url`. `fetch` (URL to body) is injected where the plain client is not wanted."""

    def __init__(self, outbox_url: str, fetch: Fetch | None = None) -> None:
        self._url = outbox_url.rstrip("/")
        self._fetch = fetch or fetcher()

    def watched(self, seen: Callable[[], None]) -> "Inbox":
        """The same outbox; `seen` is called each time that it has been read."""
        fetch = self._fetch

        def watching(url: str) -> bytes:
            body = fetch(url)
            seen()
            return body

        return Inbox(self._url, watching)

    def newest(self, to: str, since: float) -> Message | None:
        """The newest message to an address, sent at or after `since`; None when there is none yet.

        Raises OutcomeError when the outbox cannot be read.
        """
        answer = self.read(f"/messages?{urlencode({'to': to, 'since': f'{since:.6f}'})}")
        try:
            found = answer["messages"]
        except (KeyError, TypeError) as error:
            raise OutcomeError(FAILED, "outbox_answer") from error
        return _message(found[-1]) if found else None

    def read(self, path: str) -> Any:
        """The JSON at a path of the outbox: for an adapter whose outbox has another shape. It is not measured.

        Raises OutcomeError when it cannot be read.
        """
        try:
            return json.loads(self._fetch(self._url + path))
        except OSError as error:
            # Each written out: of a detail evidence keeps what stands in the statement that raises it (see `wording`).
            kind = error.kind if isinstance(error, UnansweredError) else ""
            if kind == "redirected":
                raise OutcomeError(TRANSPORT_ERROR, "outbox_redirects_elsewhere") from error
            if kind == "mistrusted":
                raise OutcomeError(TRANSPORT_ERROR, "outbox_not_trusted") from error
            raise OutcomeError(TRANSPORT_ERROR, "outbox_unreachable") from error
        except ValueError as error:
            raise OutcomeError(FAILED, "outbox_answer") from error


def _message(found: dict[str, Any]) -> Message:
    return Message(
        id=str(found["id"]),
        to=str(found["to"]),
        kind=str(found.get("kind", "")),
        at=float(found["at"]),
        token=str(found.get("token", "")),
        body=str(found.get("body", "")),
    )


def fetcher(rules: Rules | None = None, tls: Any = None) -> Fetch:
    """By the plain client: marked, past every proxy, redirected on the outbox's own origin only.

    `tls`: an SSLContext, where the outbox is https. Raises OSError for everything that goes wrong.
    """
    asking = rules or Rules(f"holdfast/{__version__} (synthetic)")

    def fetch(url: str) -> bytes:
        answer = ask(url, replace(asking, redirects=_MOST_REDIRECTS), tls=tls)
        if answer.status != 200:
            raise OSError(f"the outbox answered {answer.status}")
        return answer.body

    return fetch
