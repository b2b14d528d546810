"""The policy of outgoing connections, without a connection."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.net.addresses import (
    NOT_PUBLIC,
    BadURL,
    Target,
    allowed,
    check_address,
    check_url,
    is_same_server,
    vetted,
)
from tests.net.contract import LITERALS, MALFORMED, PUBLIC, found


@pytest.mark.parametrize("url", LITERALS)
def test_an_address_that_is_not_public(url: str) -> None:
    with pytest.raises(BadURL):
        check_url(url, allow_private=False)


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("allow_private", [True, False])
def test_a_malformed_url(url: str, allow_private: bool) -> None:
    with pytest.raises(BadURL):
        check_url(url, allow_private)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://client.example", Target(False, "client.example", 80, "/")),
        ("https://client.example", Target(True, "client.example", 443, "/")),
        ("http://client.example:80/a", Target(False, "client.example", 80, "/a")),
        ("https://client.example:8443/a?b=c#d", Target(True, "client.example", 8443, "/a?b=c")),
        ("https://client.example:443/?b", Target(True, "client.example", 443, "/?b")),
        ("http://93.184.216.34/", Target(False, "93.184.216.34", 80, "/")),
        ("http://[2606:4700::1111]/", Target(False, "2606:4700::1111", 80, "/")),
    ],
)
def test_a_public_url_is_taken_apart(url: str, target: Target) -> None:
    assert check_url(url, allow_private=False) == target


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1."])
def test_an_address_has_one_spelling_even_where_private_ones_are_allowed(host: str) -> None:
    with pytest.raises(BadURL, match="is no IPv4 address"):
        check_url(f"http://{host}:9/", allow_private=True)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://client.example/b", True),
        ("https://CLIENT.example.:443", True),  # the same name, and the port that it has anyway
        ("https://client.example:8443/a", False),
        ("http://client.example/a", False),  # another port
        ("https://other.example/a", False),
        ("client.example", False),  # no URL
    ],
)
def test_one_server_has_several_urls(other: str, same: bool) -> None:
    assert is_same_server("https://client.example/a", other) is same


def test_a_private_address_where_that_is_allowed() -> None:
    target = Target(False, "127.0.0.1", 9, "/")
    assert check_url("http://127.0.0.1:9/", allow_private=True) == target


class TestAllowedAddresses:
    """What each client asks for."""

    def test_of_a_public_name(self) -> None:
        assert allowed("https://client.example/", False, resolver=found(PUBLIC)) == (PUBLIC,)

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1"])
    def test_of_a_name_that_is_not(self, address: str) -> None:
        with pytest.raises(BadURL, match="not a public address"):
            allowed("https://client.example/", False, resolver=found(PUBLIC, address))

    def test_of_a_name_without_one(self) -> None:
        with pytest.raises(BadURL, match=r"client\.example does not resolve"):
            allowed("https://client.example/", False, resolver=found())

    @pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("no such host")])
    def test_of_a_name_that_does_not_resolve(self, error: Exception) -> None:
        def fail(host: str, port: int) -> Sequence[str]:
            raise error

        with pytest.raises(BadURL, match=r"client\.example does not resolve: no such host"):
            allowed("https://client.example/", False, resolver=fail)

    def test_of_an_address_with_a_zone(self) -> None:
        with pytest.raises(BadURL, match="fe80::1, which is not a public address"):
            allowed("https://client.example/", False, resolver=found("fe80::1%eth0"))

    def test_by_the_system_s_resolver(self) -> None:
        assert allowed("http://127.0.0.1/", True) == ["127.0.0.1"]

    def test_of_a_private_name_where_that_is_allowed(self) -> None:
        url = "http://client.example:8001/"
        assert allowed(url, True, resolver=found("127.0.0.1")) == ("127.0.0.1",)

    def test_of_what_is_no_web_address(self) -> None:
        with pytest.raises(BadURL, match="port 22"):
            allowed("https://client.example:22/", False, resolver=found(PUBLIC))


def test_whatever_a_policy_raises_is_a_bad_url() -> None:
    def refuse(url: str) -> Sequence[str]:
        raise PermissionError("this process asks no servers")

    with pytest.raises(BadURL, match="asks no servers"):
        asyncio.run(vetted("https://client.example/", refuse))


@given(st.ip_addresses())
def test_the_table_knows_all_that_python_knows(address: Any) -> None:
    """What ``ipaddress`` calls private is never let through, whatever else the table holds."""
    mapped = getattr(address, "ipv4_mapped", None)
    try:
        check_address("a.example", address)
    except BadURL:
        return
    assert (mapped or address).is_global


@pytest.mark.parametrize("network", NOT_PUBLIC, ids=str)
def test_the_table_s_edges(network: Any) -> None:
    for address in (network[0], network[-1]):
        with pytest.raises(BadURL):
            check_address("a.example", address)


def test_the_table_is_sorted_by_kind() -> None:
    versions = [ipaddress.ip_network(network).version for network in NOT_PUBLIC]
    assert versions == sorted(versions)
