"""Invoices: the billing partner's, kept in Valkey for a while, and shown from there when the partner is away."""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.reference.backends import Backends
from holdfast.reference.cache import CacheUnavailableError
from holdfast.reference.partner import PartnerError
from holdfast.reference.refusal import Refusal, not_found

_FRESH_SECONDS: Final = 30.0
_KEPT_SECONDS: Final = 900.0

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What billing said, and how many seconds ago."""

    document: Document
    age: float


async def list_invoices(backends: Backends, account_id: int) -> Answer:
    """{"invoices": [...]}, the newest first. Raises Refusal (503) when the partner is away and nothing is kept."""
    return await _fetch(backends, f"/accounts/{account_id}/invoices")


async def show_invoice(backends: Backends, account_id: int, invoice_id: str) -> Answer:
    """One of the account's invoices, with its lines. Raises Refusal: 404, also for other accounts' invoices; 503."""
    if not invoice_id.replace("-", "").isalnum():
        raise not_found("invoice")
    return await _fetch(backends, f"/accounts/{account_id}/invoices/{invoice_id}")


async def _fetch(backends: Backends, path: str) -> Answer:
    kept = await _kept(backends, path)
    if kept is not None and kept.age < _FRESH_SECONDS:
        return kept
    try:
        document: Document = await backends.billing.call("GET", path)
    except PartnerError as error:
        raise not_found("invoice") from error
    except Refusal:
        if kept is not None:
            return kept
        raise
    value = json.dumps({"at": time.time(), "document": document})
    with contextlib.suppress(CacheUnavailableError):  # then billing is asked again next time
        await backends.cache.put(f"billing:{path}", value, _KEPT_SECONDS)
    return Answer(document, 0.0)


async def _kept(backends: Backends, path: str) -> Answer | None:
    try:
        found = await backends.cache.get(f"billing:{path}")
    except CacheUnavailableError:
        return None
    if found is None:
        return None
    kept = json.loads(found)
    return Answer(kept["document"], max(0.0, time.time() - kept["at"]))
