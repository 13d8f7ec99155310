"""The identity partner's published keys, fetched when a token names one that is not known yet; and verified tokens."""

import time
from collections import OrderedDict
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.reference.partner import Partner, PartnerError
from holdfast.reference.refusal import Refusal, unavailable
from holdfast.reference.tokens import Claims, key_name, read_key_set, verify

_REMEMBERED: Final = 5000
_LEAST_PAUSE: Final = 1.0  # tokens with invented key names must not make us ask the partner each time
_OLDEST: Final = 300.0  # seconds after which keys are fetched anew, so that a withdrawn one is forgotten


class KeySet:
    """Verifies tokens. Keys and verdicts are kept: a signature costs more than the rest of a small request."""

    def __init__(self, identity: Partner) -> None:
        self._identity = identity
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
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

    async def _find_key(self, name: str) -> Ed25519PublicKey | None:
        age = time.monotonic() - self._fetched_at
        if not name or (name in self._keys and age < _OLDEST):
            return self._keys.get(name)
        if age < _LEAST_PAUSE:
            raise unavailable("identity")
        try:
            self._keys = read_key_set(await self._identity.call("GET", "/jwks.json"))
            self._fetched_at = time.monotonic()
        except Refusal:
            if name not in self._keys:
                raise
        except (PartnerError, KeyError, ValueError, TypeError) as error:
            raise unavailable("identity") from error
        return self._keys.get(name)
