"""How the target can tell that a walk is synthetic, and how its traces are found again.

The marker stands in the User-Agent; the header `X-Holdfast-Synthetic` and a `traceparent` (W3C Trace Context) go with
every request. A browser context sends such headers to every origin it talks to, and in Chromium they turn simple
requests to third parties into CORS preflights or failures (playwright issues 21811, 24537, 31709). So a walk talks to
the target's origin alone: requests to any other are aborted. That is the simplest thing that is right: analytics does
not count robots, and no trace id leaves the target.
"""

import re
import secrets
from typing import Final
from urllib.parse import urlsplit

SYNTHETIC_HEADER: Final = "X-Holdfast-Synthetic"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def new_trace_id() -> str:
    """16 random bytes in hex."""
    return secrets.token_hex(16)


def marking_headers(trace_id: str) -> dict[str, str]:
    return {SYNTHETIC_HEADER: "1", "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def marked_user_agent(user_agent: str, marker: str) -> str:
    """The browser's own, so that the target serves what it serves everybody, and the marker behind it.

    "Headless" is taken out: servers that turn it away would turn away the probe only.
    """
    return f"{user_agent.replace('HeadlessChrome', 'Chrome')} {marker}"


def origin_of(url: str) -> str:
    """Scheme, host and port, as a browser writes them: "http://127.0.0.1:8080"."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def authority_of(url: str) -> str:
    """Host and port, as Chromium's rules for hosts want them: "account.example:443"."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)}"


def other_origins(url: str) -> re.Pattern[str]:
    """Matches every address that is not of the origin of `url`. Kept to what JavaScript's expressions know too:
    Playwright evaluates it in its own process."""
    return re.compile(rf"^(?!{re.escape(origin_of(url))}(?:[/?#]|$))[a-z]+:")
