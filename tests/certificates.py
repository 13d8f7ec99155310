"""An authority of a test's own, and what it signed: files as a user has them."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority:
    """Its certificate lies at `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("holdfast test authority")
        builder = _builder(self._name, self._name, self._key)
        made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.ca_file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def signed(
        self,
        host: str = "localhost",
        begins: float = -1.0,
        ends: float = 24.0,
        *,
        weak: bool = False,
        for_clients: bool = False,
    ) -> tuple[Path, Path]:
        """A server's certificate and key, for `host` and 127.0.0.1; valid from and until so many hours from now.

        `weak`: with a key that is too short. `for_clients`: made out for those alone.
        """
        key: Key = ec.generate_private_key(ec.SECP256R1())
        if weak:
            key = rsa.generate_private_key(65537, 1024)  # noqa: S505  so weak is what is asked for
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = _builder(_name(host), self._name, key, begins, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        if for_clients:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = builder.add_extension(authority, critical=False).sign(self._key, hashes.SHA256())
        return self._written(host, made, key)

    def signed_by_itself(self, host: str = "localhost") -> tuple[Path, Path]:
        """A server's certificate that no authority signed, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = _builder(_name(host), _name(host), key).add_extension(names, False).sign(key, hashes.SHA256())
        return self._written(f"{host}-alone", made, key)

    def _written(self, name: str, made: x509.Certificate, key: Key) -> tuple[Path, Path]:
        certificate, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(PEM))
        key_file.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate, key_file


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: float = -1.0, ends: float = 24.0
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(hours=begins))
        .not_valid_after(now + dt.timedelta(hours=ends))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
