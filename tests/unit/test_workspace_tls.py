"""Whom a target's definition trusts, and what a file of authorities must be."""

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.certificates import Authority

from holdfast.workspace.target import Connection, TargetDefinition, TlsDefinition, refusal
from holdfast.workspace.tls import SYSTEM, Tls, context_of, wrong_with_ca_file

FAR = "https://account.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_certificates_are_verified_unless_told_otherwise(authority: Authority) -> None:
    ca_file = str(authority.ca_file)
    for tls, verified in ((SYSTEM, True), (Tls(ca_file=ca_file), True), (Tls(verify=False), False)):
        context = context_of(tls)
        assert context.check_hostname is verified
        assert context.verify_mode is (ssl.CERT_REQUIRED if verified else ssl.CERT_NONE)


def test_an_authority_of_ones_own_is_the_only_one(authority: Authority) -> None:
    (trusted,) = context_of(Tls(ca_file=str(authority.ca_file))).get_ca_certs()
    assert trusted["subject"] == (((("commonName", "holdfast test authority")),),)


def test_a_file_that_is_no_authority_is_told(authority: Authority, tmp_path: Path) -> None:
    _, key = authority.signed()
    (tmp_path / "empty.pem").write_text("", encoding="utf-8")
    (tmp_path / "der.pem").write_bytes(ssl.PEM_cert_to_DER_cert(authority.ca_file.read_text(encoding="ascii")))
    assert wrong_with_ca_file(tmp_path, "ca.pem") is None
    assert wrong_with_ca_file(Path("/"), str(authority.ca_file)) is None
    for file in ("empty.pem", "der.pem", key.name):
        assert wrong_with_ca_file(tmp_path, file) == (
            f"{file} holds no certificate",
            "it must be PEM: -----BEGIN CERTIFICATE-----",
        )
    for file in ("none.pem", "."):
        told = wrong_with_ca_file(tmp_path, file)
        assert told is not None
        assert told[0] == f"there is no file {file}"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "http://127.0.0.1:1", "tls": {"verify": False}}, "tls belongs to an https address"),
        ({"stack": "reference", "tls": {}}, "tls belongs to an https address"),
        ({"url": FAR, "tls": {"verify": False, "ca_file": "a.pem"}}, "nothing is verified by a ca_file"),
        ({"url": FAR, "tls": {"verify": "no"}}, "valid boolean"),
        ({"url": FAR, "tls": {"insecure": True}}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TargetDefinition.model_validate(given)


def test_who_is_not_verified_must_be_allowed_all_the_same() -> None:
    assert refusal("far", TargetDefinition(url=FAR, tls=TlsDefinition(verify=False)), "") is not None


def test_a_job_says_where_the_authority_is(tmp_path: Path) -> None:
    definition = TargetDefinition(url=FAR, tls=TlsDefinition(ca_file="ca.pem"))
    job = Connection("far", FAR, tls=definition.tls_in(tmp_path)).as_json()
    assert Tls(**job["tls"]) == Tls(True, str(tmp_path / "ca.pem"))
    assert TargetDefinition(url=FAR).tls_in(tmp_path) == SYSTEM
