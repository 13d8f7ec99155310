"""Leases: a fault that nobody renews is taken out, even when whoever put it in is dead.

Pure bookkeeping on a monotonic clock; the server looks for what has expired and heals it.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.proxy import refusal

LONGEST_SECONDS: Final = 86_400.0
_REMEMBERED: Final = 100


@dataclass(frozen=True, slots=True)
class Lease:
    """Until when (clock seconds) these toxics may stay; then they are removed, and the links in `enable` enabled."""

    id: str
    until: float
    toxics: tuple[tuple[str, str], ...]  # (proxy, toxic)
    enable: tuple[str, ...] = ()

    def as_json(self, now: float) -> dict[str, object]:
        return {
            "remaining": max(0.0, self.until - now),
            "toxics": [list(pair) for pair in self.toxics],
            "enable": list(self.enable),
        }


class LeaseBook:
    """The leases in force. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._expired: deque[str] = deque(maxlen=_REMEMBERED)

    def renew(
        self, lease_id: str, seconds: float, toxics: tuple[tuple[str, str], ...], enable: tuple[str, ...] = ()
    ) -> Lease:
        """Create the lease, or replace it: what it covers now is what this call says."""
        lease = Lease(lease_id, self._clock() + seconds, toxics, enable)
        self._leases[lease_id] = lease
        return lease

    def release(self, lease_id: str) -> bool:
        """Forget a lease; its toxics stay as they are. False when there is none of this id."""
        return self._leases.pop(lease_id, None) is not None

    def clear(self) -> None:
        self._leases.clear()

    def take_expired(self) -> list[Lease]:
        """The leases that have run out, each told once, oldest first."""
        now = self._clock()
        expired = sorted((lease for lease in self._leases.values() if lease.until <= now), key=lambda x: x.until)
        for lease in expired:
            del self._leases[lease.id]
            self._expired.append(lease.id)
        return expired

    def as_json(self) -> dict[str, object]:
        now = self._clock()
        return {
            "leases": {lease.id: lease.as_json(now) for lease in self._leases.values()},
            "expired": list(self._expired),
        }


def parse_lease(body: object) -> tuple[float, tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Read `{"seconds": n, "toxics": [["proxy", "toxic"], …], "enable": ["proxy", …]}`. Raises ApiError.

    Names need not exist yet: a careful client leases first and injects then.
    """
    if not isinstance(body, Mapping):
        raise refusal.bad_request_body("expected a JSON object")
    seconds = body.get("seconds")
    if seconds is None:
        raise refusal.missing_field("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise refusal.bad_request_body("seconds must be a number")
    if not 0 < seconds <= LONGEST_SECONDS:
        raise refusal.bad_request_body(f"seconds must be above 0 and at most {LONGEST_SECONDS:.0f}")
    toxics = body.get("toxics") or []
    enable = body.get("enable") or []
    if not isinstance(toxics, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair) for pair in toxics
    ):
        raise refusal.bad_request_body('toxics must be a list of ["proxy", "toxic"]')
    if not isinstance(enable, list) or not all(isinstance(name, str) for name in enable):
        raise refusal.bad_request_body("enable must be a list of proxy names")
    return float(seconds), tuple((pair[0], pair[1]) for pair in toxics), tuple(enable)
