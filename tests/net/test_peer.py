"""Where a request comes from: what a proxy adds is believed only as far as a setting says."""

from __future__ import annotations

import pytest

from app.net.peer import client_address, network_of

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "address"),
    [
        ("", 0, PROXY),
        ("198.51.100.7", 0, PROXY),  # no proxy is trusted: anyone can send the header
        ("198.51.100.7", 1, "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", 1, "198.51.100.7"),  # the first is the client's own word
        ("203.0.113.9,198.51.100.7 , 10.0.0.2", 2, "198.51.100.7"),
        ("198.51.100.7", 2, PROXY),  # one of the proxies was passed by
        ("", 1, PROXY),
        (" , ,", 1, PROXY),
        ("unknown", 1, PROXY),
        ("198.51.100.7:1234", 1, PROXY),
        ("[2001:db8:1:2::9]", 1, "2001:db8:1:2::/64"),
        ("x" * 10_000, 1, PROXY),
    ],
)
def test_the_address_of_a_client(forwarded_for: str, proxies: int, address: str) -> None:
    assert client_address(PROXY, forwarded_for, proxies) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_an_address_of_ipv6_is_a_subscribers_network(address: str, network: str) -> None:
    assert network_of(address) == network
