"""What the address of a vendor's server may look like. Each vendor names one form of its own.

The entry of a credential, the settings and the connectors ask the same form. So an accepted address
is one that the connector can use. Whether it may be called is the business of ``app/net``.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

HTTP = ("https", "http")
WEBSOCKET = ("wss", "ws")


@dataclass(frozen=True, slots=True)
class AddressForm:
    """The form of an address that the connector makes longer by a path of its own."""

    schemes: tuple[str, ...] = HTTP
    path: bool = True
    """It may have a path."""
    query: bool = False
    """It may have a query or a fragment."""

    def problem(self, url: object) -> str | None:
        """Why it cannot be used, for its author; None: it can."""
        parts = _parts(url, self.schemes)
        if parts is None:
            return f"must be a URL address that begins with {one_of(self.schemes)}"
        if not self.path and parts.path.strip("/"):
            return f"must be like {self.schemes[0]}://host.example, without a path"
        if not self.query and (parts.query or parts.fragment):
            return "must have no query and no fragment: a path is added to it"
        return None


def _parts(url: object, schemes: tuple[str, ...]) -> SplitResult | None:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        return parts if parts and parts.scheme in schemes and parts.hostname else None
    except ValueError:
        return None


def one_of(schemes: tuple[str, ...]) -> str:
    """``https:// or http://``"""
    *most, last = (f"{scheme}://" for scheme in schemes)
    return f"{', '.join(most)} or {last}" if most else last


STREAM = AddressForm(WEBSOCKET, query=True)
"""Of a client's own server for a stream."""
EITHER = AddressForm(HTTP + WEBSOCKET, query=True)
"""Of a client's own server for a stream, which may be written as ``https`` too."""
BASE = AddressForm()
"""Of requests over HTTP."""
ENDPOINT = AddressForm(query=True)
"""Of a client's own server, which may answer at any path."""
SOCKET_BASE = AddressForm(HTTP + WEBSOCKET)
"""Of a websocket, which may be written as ``https`` too."""
ORIGIN = AddressForm(HTTP + WEBSOCKET, path=False)
"""Of a websocket or a request whose path is the vendor's alone."""
