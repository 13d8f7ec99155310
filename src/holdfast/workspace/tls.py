"""Whose word is taken for who the target is: the system's authorities, one of its own, or nobody's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

UNVERIFIED: Final = "TLS certificates were not verified: who answered is not proven"
"""What every report of such a run says."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How a target's certificates are verified. `ca_file`: PEM, trusted instead of the system's authorities."""

    verify: bool = True
    ca_file: str | None = None


SYSTEM: Final = Tls()


def context_of(tls: Tls, make: Callable[[int], Any] | None = None) -> Any:
    """A client's context. `make`: its class, gevent's where that is. Raises OSError when `ca_file` cannot be used."""
    import ssl  # only here: in the load generator gevent must have patched it first

    context = (make or ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is not None:
        context.load_verify_locations(tls.ca_file)
    else:
        context.load_default_certs()
    return context


def wrong_with_ca_file(root: Path, file: str) -> tuple[str, str] | None:
    """What, and what to do; None when certificates can be verified by it. `file`: below `root`, or absolute."""
    import ssl

    if not (root / file).is_file():
        return f"there is no file {file}", "put the authority's certificate there, or correct the path"
    try:
        context_of(Tls(ca_file=str(root / file)))
    except ssl.SSLError:
        return f"{file} holds no certificate", "it must be PEM: -----BEGIN CERTIFICATE-----"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}", "make it readable"
    return None
