"""A client's server that tries to lead us to one of our own network, which is never reached.

Both listen on loopback, at one port. The policy takes ``PUBLIC`` for a public address meanwhile.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from aiohttp import web

from app.net import addresses
from tests.fakes.vendors.server import Asked, VendorServer

NAME = "vendor.example"
"""Looked up, it leads to ``PUBLIC``; after ``Trick.looked_up`` times to ``INSIDE``."""
PUBLIC, INSIDE = "127.0.0.1", "127.0.0.2"
SECRET = "the-instance-role-and-its-key"
"""What the server inside answers."""
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
NOT_PUBLIC = tuple(
    ipaddress.ip_network(f"{INSIDE}/32") if network == LOOPBACK else network
    for network in addresses.NOT_PUBLIC
)


@dataclass(frozen=True)
class Trick:
    """How we are led inside."""

    name: str
    status: int = 404
    """Of the public server's answers."""
    location: str = ""
    """Where it redirects to. ``{inside}``: the host and port inside."""
    session: str = ""
    """The address of a session that it gives to a POST, as Gladia does."""
    looked_up: int | None = None
    """Look-ups of its name after which it leads inside; None: never."""


TRICKS = (
    *(
        Trick(f"{status} to {scheme}", status, f"{scheme}://{{inside}}/latest/")
        for status in (301, 302, 303, 307, 308)
        for scheme in ("http", "ws")
    ),
    Trick("302 to //", 302, "//{inside}/latest/"),
    Trick("302 to itself, then inside", 302, "/again"),
    Trick("a session inside", session="ws://{inside}/latest/"),
    *(Trick(f"DNS flips after {n}", looked_up=n) for n in (0, 1, 2, 3)),
)


class _Public(VendorServer):
    """The client's server."""

    trick: Trick
    inside: str

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        if self.trick.session and request.method == "POST":
            url = self.trick.session.format(inside=self.inside)
            return web.json_response({"id": "1", "url": url}, status=201)
        location = self.trick.location.format(inside=self.inside)
        if asked.path.startswith("/again"):
            location = f"http://{self.inside}/latest/"
        headers = {"Location": location} if location else {}
        return web.Response(status=self.trick.status, headers=headers)


class _Inside(VendorServer):
    """Answers everything with ``SECRET``."""

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        return web.Response(status=403, text=SECRET)


@dataclass
class World:
    """``url``: the client's. ``connects``: every address that a socket was connected to."""

    url: str
    inside: VendorServer | None = None
    connects: list[str] = field(default_factory=list)
    look_ups: int = 0

    @property
    def was_reached(self) -> bool:
        """Whether any connection to the server inside was tried."""
        return INSIDE in self.connects or bool(self.inside and self.inside.asked)


@asynccontextmanager
async def hostile(trick: Trick) -> AsyncIterator[World]:
    """Both servers, and a spy on the sockets and look-ups of this process."""
    public = _Public()
    public.trick = trick
    async with public:
        public.inside = f"{INSIDE}:{public.port}"
        async with _Inside(host=INSIDE, port=public.port) as inside:
            world = World(f"http://{NAME}:{public.port}", inside)
            with ExitStack() as stack:
                stack.enter_context(patch.object(addresses, "NOT_PUBLIC", NOT_PUBLIC))
                stack.enter_context(patch.object(addresses, "PORTS", {public.port}))
                stack.enter_context(watched(world, trick.looked_up))
                yield world


def watched(world: World, looked_up: int | None = None) -> ExitStack:
    """Note the world's connections and look-ups, until it is closed."""
    look_up, connect, connect_ex = (
        socket.getaddrinfo,
        socket.socket.connect,
        socket.socket.connect_ex,
    )

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        if str(text).rstrip(".").lower() == NAME:
            world.look_ups += 1
            flipped = looked_up is not None and world.look_ups > looked_up
            host = INSIDE if flipped else PUBLIC
        return look_up(host, *args, **options)

    def note(address: Any) -> None:
        with suppress(TypeError, LookupError):  # the path of a Unix socket
            world.connects.append(address[0])

    def spy(sock: socket.socket, address: Any) -> None:
        note(address)
        connect(sock, address)

    def spy_ex(sock: socket.socket, address: Any) -> int:
        note(address)
        return connect_ex(sock, address)

    stack = ExitStack()
    stack.enter_context(patch.object(socket, "getaddrinfo", getaddrinfo))
    stack.enter_context(patch.object(socket.socket, "connect", spy))
    stack.enter_context(patch.object(socket.socket, "connect_ex", spy_ex))
    return stack
