"""Reading addresses: an absent host never means all interfaces."""

import pytest

from holdfast.proxy.address import Address, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", Address("127.0.0.1", 0)),
        (":8080", Address("127.0.0.1", 8080)),
        ("localhost:80", Address("localhost", 80)),
        ("[::1]:80", Address("::1", 80)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),  # noqa: S104  # asked for, so given
    ],
)
def test_an_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["nowhere", "host:", "host:http", "host:65536", "host:-1", "::1:80", "host:٣"])
def test_what_is_no_address_is_an_error(text):
    with pytest.raises(ValueError, match="address"):
        parse_address(text)


def test_an_address_is_shown_as_it_is_read():
    assert [str(Address("127.0.0.1", 80)), str(Address("::1", 80))] == ["127.0.0.1:80", "[::1]:80"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_these_stay_on_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org", ""])  # noqa: S104
def test_these_do_not(host):
    assert not is_loopback(host)
