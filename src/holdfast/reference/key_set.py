"""The identity partner's published keys, fetched ahead and when a token names an unknown one; and verified tokens."""

import asyncio
import time
from collections import OrderedDict
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.reference.partner import Partner, PartnerError
from holdfast.reference.refusal import Refusal, unavailable
from holdfast.reference.tokens import Claims, key_name, read_key_set, verify

_REMEMBERED: Final = 5000
_LEAST_PAUSE: Final = 1.0  # seconds; tokens with invented key names must not make us ask the partner each time
_REFRESH_SECONDS: Final = 300.0  # so that a withdrawn key is forgotten
_RETRY_SECONDS: Final = 0.2


class KeySet:
    """Verifies tokens. Keys and verdicts are kept: a signature costs more than the rest of a small request."""

    def __init__(self, identity: Partner, least_pause: float = _LEAST_PAUSE) -> None:
        self.fetched = asyncio.Event()
        self._identity = identity
        self._least_pause = least_pause
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._known: OrderedDict[str, Claims] = OrderedDict()

    async def claims_of(self, token: str) -> Claims | None:
        """What the token says; None when it is not good. Raises Refusal (503) when its key cannot be fetched."""
        now = time.time()
        claims = self._known.get(token)
        if claims is not None:
            return claims if claims.expires_at > now else None
        key = await self._find_key(key_name(token))
        claims = None if key is None else verify(token, key, now)
        if claims is not None:
            self._known[token] = claims
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return claims

    async def keep_fresh(self) -> None:
        """Fetch the keys ahead, so that sessions go on while the partner is away; again and again until cancelled."""
        while True:
            try:
                await self._fetch()
            except Refusal:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await asyncio.sleep(_REFRESH_SECONDS)

    async def _find_key(self, name: str) -> Ed25519PublicKey | None:
        asked = time.monotonic()
        while name and name not in self._keys and self._fetched_at < asked:
            # All who wait share one fetch: after a rotation each visitor's token names the new key.
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.create_task(self._fetch_when_due())
            await asyncio.shield(self._fetching)
        return self._keys.get(name)

    async def _fetch_when_due(self) -> None:
        await asyncio.sleep(self._fetched_at + self._least_pause - time.monotonic())
        await self._fetch()

    async def _fetch(self) -> None:
        began = time.monotonic()
        try:
            self._keys = read_key_set(await self._identity.call("GET", "/jwks.json"))
        except (PartnerError, KeyError, ValueError, TypeError) as error:
            raise unavailable("identity") from error
        self._fetched_at = began
        self.fetched.set()
