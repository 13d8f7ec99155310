"""Why TLS came to nothing, and what to do about that fault: each has advice of its own.

In: the error of a handshake. Out: two sentences. Codes: OpenSSL's X509_V_ERR_*, `man 3 X509_STORE_CTX_get_error`.
"""

from typing import Any, Final

_SELF_SIGNED: Final = 18
_SELF_SIGNED_IN_CHAIN: Final = 19
_NO_ISSUER: Final = frozenset({2, 20, 21})
_WRONG_NAME: Final = frozenset({62, 64})
_INTERMEDIATE: Final = "intermediate ones are the server's to send"
_SIGNER: Final = "have it signed by an authority's certificate (CA:TRUE, keyCertSign)"
_KEY: Final = ("has a key that is too weak for this machine", "issue one with RSA of 2048 bits or more, or P-256")
_OF_ITSELF: Final = {
    9: ("is not valid yet", "correct the clock of this machine, or wait for the certificate's first day"),
    10: ("has expired", "renew it there; if it is fresh, correct the clock of this machine"),
    23: ("was revoked", "issue a new one"),
    24: ("was signed by a certificate that may sign none", _SIGNER),
    25: ("was signed by one authority too many below another", _SIGNER),
    26: ("is not meant for a server, or that of its authority is not", "issue one with extendedKeyUsage: serverAuth"),
    32: ("was signed by a certificate that may sign none", _SIGNER),
    66: _KEY,
    67: _KEY,
    68: ("is signed with a hash that is too weak for this machine", "issue one that is signed with SHA-256"),
    79: ("was signed by a certificate that may sign none", _SIGNER),
}
"""What naming an authority would not cure, and what does."""
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})


def mistrust(
    error: BaseException, url: str, host: str, *, own_authority: bool = False, setting: str = "tls: {ca_file: …}"
) -> tuple[str, str] | None:
    """What, and what to do; None when it is no fault of TLS.

    `own_authority`: a file of certificates is what verifies. `setting`: what names one, beside the url.
    """
    import ssl  # only here: in the load generator gevent must have patched it first

    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, url, host, own_authority, setting)
    if not isinstance(error, ssl.SSLError):
        return None
    reason = str(error.reason or "")
    if reason in _NO_TLS:
        return f"{url} does not speak TLS", "write http:// if it is meant to be in the clear, or correct the port"
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        what = f"{url} broke off the TLS handshake ({reason.lower().replace('_', ' ')})"
        return what, "it may want a client's certificate, which holdfast does not send, or know no common cipher"
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        what = f"{url} speaks no version of TLS that this machine speaks"
        return what, "have it speak TLS 1.2 or 1.3"
    told = reason.lower().replace("_", " ") or type(error).__name__
    return f"{url}: the TLS handshake failed ({told})", "look at the TLS settings of what answers there"


def _of_certificate(error: Any, url: str, host: str, own_authority: bool, setting: str) -> tuple[str, str]:
    whose = f"the certificate of {url}"
    code = error.verify_code
    if code in _OF_ITSELF:
        what, fix = _OF_ITSELF[code]
        return f"{whose} {what}", fix
    if code in _WRONG_NAME:
        what = f"{whose} is made out to another name than {host}"
        return what, f"write the name that it is made out to in the url, or issue one for {host}"
    if code == _SELF_SIGNED:
        fix = f"name that very certificate: {setting}"
        return f"{whose} is not trusted: it is signed by itself, by no authority", fix
    if code == _SELF_SIGNED_IN_CHAIN or code in _NO_ISSUER:
        if own_authority:
            what = f"{whose} is not trusted: none of the authorities that were named signed it"
            return what, f"put the authority that signed it there; {_INTERMEDIATE}"
        what = f"{whose} is not trusted: it is signed by an authority that this machine does not know"
        return what, f"name that authority: {setting}; {_INTERMEDIATE}"
    return f"{whose} is not trusted: {error.verify_message}", "issue one without that fault"
