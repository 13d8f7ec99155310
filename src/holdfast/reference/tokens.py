"""Session tokens: JSON Web Signatures by Ed25519 (RFC 7515, RFC 8037), and the key set that verifies them (RFC 7517).

The identity partner signs; the account service verifies with the published keys and never sees a private one.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: which session, whose, and until when (seconds since the epoch)."""

    session: str
    account: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name by which tokens refer to it."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    def as_jwk(self) -> dict[str, str]:
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.name, "x": _encode(public)}


def derive_key(secret: str, generation: int) -> SigningKey:
    """Key number `generation`: the same after a restart of the partner, so that sessions survive it."""
    seed = hmac.new(secret.encode(), f"signing-key-{generation}".encode(), hashlib.sha256).digest()
    return SigningKey(f"key-{generation}", Ed25519PrivateKey.from_private_bytes(seed))


def sign(claims: Claims, key: SigningKey, issued_at: float) -> str:
    header = {"alg": "EdDSA", "typ": "JWT", "kid": key.name}
    payload = {
        "sid": claims.session, "sub": str(claims.account), "iat": int(issued_at), "exp": int(claims.expires_at)
    }  # fmt: skip
    signed = f"{_encode_json(header)}.{_encode_json(payload)}"
    return f"{signed}.{_encode(key.key.sign(signed.encode()))}"


def key_name(token: str) -> str:
    """Which key a token claims to be signed with; "" when it is no token."""
    try:
        return str(json.loads(_decode(token.split(".", 1)[0]))["kid"])
    except (ValueError, KeyError, TypeError):
        return ""


def read_key_set(document: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    """The keys of a published set by name; other kinds of key are passed over. Raises ValueError, KeyError."""
    return {
        str(key["kid"]): Ed25519PublicKey.from_public_bytes(_decode(key["x"]))
        for key in document["keys"]
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
    }


def verify(token: str, key: Ed25519PublicKey, now: float) -> Claims | None:
    """The token's claims; None when it is forged, damaged or expired at `now`.

    The algorithm is ours, not the header's: a token cannot choose how it is verified.
    """
    try:
        signed, _, signature = token.rpartition(".")
        key.verify(_decode(signature), signed.encode())
        payload = json.loads(_decode(signed.split(".")[1]))
        claims = Claims(str(payload["sid"]), int(payload["sub"]), float(payload["exp"]))
    except (InvalidSignature, ValueError, KeyError, IndexError, TypeError):
        return None
    return claims if claims.expires_at > now else None


def _encode_json(value: Mapping[str, object]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
