"""The policy of outgoing connections: which URLs may be called, and at which addresses.

The clients of ``http``, ``httpx_client`` and ``websocket`` ask ``allowed`` once for each request.
They connect only to the addresses that it returns. The URL's name stays in Host, SNI and
certificate. So an answer of the DNS that changes between two look-ups changes nothing.
https://owasp.org/www-community/attacks/Server_Side_Request_Forgery

The table is our own, because ``ipaddress.is_global`` of Python 3.11 takes multicast, 6to4, NAT64
and others for global. Sources:
https://www.iana.org/assignments/iana-ipv4-special-registry/
https://www.iana.org/assignments/iana-ipv6-special-registry/
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from app.net.threads import run_in_thread
from app.net.types import Addresses

# The ports of a public server URL.
PORTS = frozenset({80, 443, 8443})

NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network: 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the clouds' metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 7915): an IPv4 address in disguise
        "64:ff9b::/96",  # NAT64: an IPv4 address in disguise
        "64:ff9b:1::/48",  # NAT64, local use
        "100::/32",  # discard only, dummy
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?", re.IGNORECASE)
# Libraries read a host that ends in a number as an address, each in its own way.
_NUMBER = re.compile(r"([^:]*\.)?(\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # ASCII without space, controls and backslash

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Host and port in, addresses out. Raises ``OSError``.
Resolver = Callable[[str, int], Sequence[str]]


class BadURL(ValueError):
    """A URL that may not be called. The message tells its author why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. ``path`` includes the query; the fragment is dropped."""

    secure: bool
    host: str
    port: int
    path: str


def check_url(url: str, allow_private: bool) -> Target:
    """Raise ``BadURL`` unless this URL may be called, as far as that is clear without DNS."""
    if not _PRINTABLE.fullmatch(url):
        raise BadURL("the URL must be plain ASCII without spaces and backslashes")
    target = _split(url)
    literal = _literal(target.host)
    if not allow_private:
        _check_public(target, literal)
    if _NUMBER.fullmatch(target.host) and str(literal) != target.host:
        raise BadURL(f"{target.host} is no IPv4 address as 192.0.2.1 is one: write it so")
    return target


def _check_public(target: Target, literal: Address | None) -> None:
    if target.port not in PORTS:
        raise BadURL(f"port {target.port} is not allowed: use 443, 8443 or 80")
    name = target.host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        raise BadURL(f"{target.host} is this machine itself")
    if literal is not None:
        check_address(target.host, literal)


def resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver; each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def allowed(url: str, allow_private: bool, *, resolver: Resolver = resolve) -> Sequence[str]:
    """Return the addresses at which ``url`` may be called, at least one. Blocks. Raises ``BadURL``.

    A name with one address that is not public is refused as a whole.
    """
    return addresses_of(check_url(url, allow_private), allow_private, resolver)


def addresses_of(target: Target, allow_private: bool, resolver: Resolver) -> Sequence[str]:
    """``allowed`` for a URL that ``check_url`` has parsed."""
    try:
        found = resolver(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise BadURL(f"{target.host} does not resolve: {error}") from error
    if not found:
        raise BadURL(f"{target.host} does not resolve")
    for address in () if allow_private else found:
        check_address(target.host, ipaddress.ip_address(address.partition("%")[0]))
    return found


async def vetted(url: str, addresses: Addresses) -> Sequence[str]:
    """What the policy ``addresses`` returns for ``url``. Its errors become ``BadURL``."""
    try:
        return await run_in_thread(partial(addresses, url))
    except Exception as error:
        raise BadURL(str(error)) from error


def check_address(host: str, address: Address) -> None:
    """Raise ``BadURL`` unless the address is public."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    if any(plain in network for network in NOT_PUBLIC):
        raise BadURL(f"{host} is {plain}, which is not a public address")


def is_same_server(one: str, other: str) -> bool:
    """Whether two URLs name one host and port. Case and a port that goes without saying do not count."""
    try:
        targets = _split(one), _split(other)
    except BadURL:
        return False
    first, second = ((each.host.rstrip("."), each.port) for each in targets)
    return first == second


def _split(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadURL(f"the URL cannot be read: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise BadURL("the URL must begin with https:// or http://")
    if "@" in parts.netloc:
        raise BadURL("the URL must not hold a user name or password: use server.headers")
    host = parts.hostname or ""
    if ":" in host:
        _check_ipv6(host)
    elif not _HOST.fullmatch(host) or ".." in host:
        raise BadURL("the URL names no valid host")
    if port == 0:
        raise BadURL("the URL names no valid port")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


def _check_ipv6(host: str) -> None:
    try:
        if "%" in host:
            raise ValueError("a zone")
        ipaddress.IPv6Address(host)
    except ValueError as error:
        raise BadURL("the URL names no valid IPv6 address") from error


def _literal(host: str) -> Address | None:
    """The address a host spells, in inet_aton's odd forms too: 127.1, 0x7f000001, 2130706433."""
    if ":" in host:
        return ipaddress.IPv6Address(host)
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None
