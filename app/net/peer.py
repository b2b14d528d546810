"""Which address a request comes from: the peer's, or the one that a trusted proxy has seen.

https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
"""

from __future__ import annotations

import ipaddress


def client_address(peer: str, forwarded_for: str, proxies: int) -> str:
    """The client's network.

    ``proxies``: number of proxies that each add the address they see at the end of the header. All
    before those entries is the client's own word, and not believed.
    """
    entries = [entry.strip() for entry in forwarded_for.split(",") if entry.strip()]
    if proxies and len(entries) >= proxies:
        seen = entries[-proxies].strip("[]")
        if is_address(seen):
            return network_of(seen)
    return network_of(peer)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def network_of(address: str) -> str:
    """The address itself, or the /64 network of an IPv6 address, which one subscriber has."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))
