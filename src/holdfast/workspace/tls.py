"""Whose word is taken for who the target is: the system's authorities, one of its own, or nobody's.

tls: {ca_file: certificates/staging-ca.pem}
tls: {verify: false}
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.workspace.binding import Broken, Definition

UNVERIFIED: Final = "TLS certificates were not verified: that the target itself answered is not proven"
"""What every report of such a run says."""


class TlsDefinition(Definition):
    """How a target's certificates are verified. `ca_file`: PEM, trusted instead of the system's authorities."""

    ca_file: str | None = None
    verify: bool = True

    def broken(self) -> Iterator[Broken]:
        if self.ca_file is not None and not self.verify:
            what = "nothing is verified by a ca_file where verify is false"
            yield Broken(("ca_file",), what, "remove one of the two", ("ca_file", "verify"))


@dataclass(frozen=True, slots=True)
class Tls:
    """The same as a run has it. `ca_file`: as it is found from here."""

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


def wrong_with_ca_file(path: Path) -> tuple[str, str] | None:
    """What, and what to do; None when certificates can be verified by it."""
    if not path.is_file():
        return f"there is no file {path.name}", "put the authority's certificate there (PEM), or correct the path"
    try:
        context_of(Tls(ca_file=str(path)))
    except OSError as error:  # of TLS, too
        if error.errno is not None and error.filename is not None:
            return f"{path.name} cannot be read: {error.strerror}", "make it readable"
        return f"{path.name} holds no certificate", "it must be PEM: -----BEGIN CERTIFICATE-----"
    return None
