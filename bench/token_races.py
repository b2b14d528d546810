"""``python -m bench.token_races``: media sockets that use one token at the same moment.

Two processes share a database. In each race four handshakes come with the token of one document,
two at each process, and one wins. After that come tokens that are used, changed or
another carrier's, and handshakes that the carrier did not sign. ``--races 200`` is the full size.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from app.cli.processes import free_port
from bench.database import database
from bench.deploys import ECHO, api, prepared, started
from bench.live_calls import new_caller, new_leg
from bench.machine import machine
from bench.reliability import conclude
from providers.simulation.timeline import Request
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.leg import Document, Leg

AT_EACH = 2
"""Handshakes of a race at each process."""
CLOSED_SECONDS = 5.0
FORBIDDEN = 403


@dataclass
class Outcome:
    """The races on one database."""

    name: str
    winners: Counter[int] = field(default_factory=Counter)
    """Races by the number of accepted sockets."""
    losers: Counter[str] = field(default_factory=Counter)
    hijacks: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    """Attempts that were accepted."""
    slowest: float = 0.0

    @property
    def reached(self) -> bool:
        in_time = self.slowest <= CLOSED_SECONDS
        refused = set(self.losers) <= {str(FORBIDDEN)}
        return set(self.winners) == {1} and refused and not self.accepted and in_time

    @property
    def seen(self) -> str:
        races = sum(self.winners.values())
        return (
            f"{self.name}: one winner in {self.winners[1]} of {races} races of {2 * AT_EACH} "
            f"sockets at two processes, {sum(self.losers.values())} refused within "
            f"{self.slowest * 1e3:.0f} ms; {sum(self.accepted.values())} of "
            f"{sum(self.hijacks.values())} other tokens and signatures were accepted"
        )

    def tell(self) -> None:
        print(self.seen)
        for what, count in self.hijacks.items():
            print(f"  {what}: {count}, accepted {self.accepted[what]}")
        if set(self.losers) - {str(FORBIDDEN)}:
            print(f"  losers were answered: {dict(self.losers)}")


class Races:
    """The races against two processes behind one public URL."""

    def __init__(self, outcome: Outcome, base: str, ports: tuple[int, int], assistant: str) -> None:
        self.outcome, self.base, self.ports, self.assistant = outcome, base, ports, assistant

    async def run(self, races: int) -> None:
        carriers = list(FAKES)
        async with aiohttp.ClientSession() as web:
            for number in range(races):
                carrier = carriers[number % len(carriers)]
                await self._race(web, carrier, carriers[(number + 1) % len(carriers)])

    async def _race(self, web: aiohttp.ClientSession, carrier: str, other: str) -> None:
        leg = new_leg(carrier, self.base)
        document = await self._document(web, leg)
        signed = leg.signer.handshake(document.media_url)
        await self._hijack_unused(leg, document, other)
        attempts = [self._open(document.media_url, signed, port) for port in self.ports * AT_EACH]
        opened = await asyncio.gather(*attempts)
        sockets = [each for each in opened if isinstance(each, ClientConnection)]
        self.outcome.winners[len(sockets)] += 1
        self.outcome.losers.update(each for each in opened if isinstance(each, str))
        for socket in sockets[:1]:
            await self._is_up(socket, leg)
            await self._hijack("a used token", document.media_url, signed)
        for socket in sockets:
            await socket.close()

    async def _hijack_unused(self, leg: Leg, document: Document, other: str) -> None:
        url, signer = document.media_url, leg.signer
        root, token = url.rsplit("/", 1)
        changed = f"{root}/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
        elsewhere = url.replace(f"/{leg.name}/", f"/{other}/")
        callback = f"{root}/{urlsplit(document.stream_url).path.rsplit('/', 1)[1]}"
        stranger = leg.same(leg.account, "another secret of another account")
        await self._hijack("a changed token", changed, signer.handshake(changed))
        await self._hijack("another carrier's path", elsewhere, signer.handshake(elsewhere))
        await self._hijack("a webhook's token", callback, signer.handshake(callback))
        await self._hijack("no signature", url, {})
        await self._hijack("a stranger's signature", url, stranger.signer.handshake(url))

    async def _hijack(self, what: str, url: str, headers: Mapping[str, str]) -> None:
        self.outcome.hijacks[what] += 1
        for port in self.ports:
            opened = await self._open(url, headers, port)
            if isinstance(opened, ClientConnection):
                self.outcome.accepted[what] += 1
                await opened.close()

    async def _open(
        self, url: str, headers: Mapping[str, str], port: int
    ) -> ClientConnection | str:
        """The socket, or how the handshake was refused."""
        began = time.monotonic()
        try:
            return await connect(
                url,
                host="127.0.0.1",
                port=port,
                additional_headers=dict(headers),
                compression=None,
                proxy=None,
            )
        except InvalidStatus as refused:
            self.outcome.slowest = max(self.outcome.slowest, time.monotonic() - began)
            return str(refused.response.status_code)
        except (OSError, InvalidHandshake) as error:
            return repr(error)

    async def _is_up(self, socket: ClientConnection, leg: Leg) -> None:
        """The winner has the call: its assistant, an echo, answers."""
        caller = new_caller(leg)
        for message in (*caller.opening(), caller.sound(b"\x10\x20" * (caller.rate // 50))):
            await socket.send(message)
        async with asyncio.timeout(20):
            await socket.recv()

    async def _document(self, web: aiohttp.ClientSession, leg: Leg) -> Document:
        request = cast("Request", cast("Any", leg.arrive({"assistantId": self.assistant})))
        async with web.post(request.url, data=request.body, headers=request.headers) as answer:
            found = leg.read(await answer.text())
        assert found is not None, answer.status
        return found


@asynccontextmanager
async def two(url: str | None) -> AsyncIterator[tuple[str, tuple[int, int]]]:
    """Two processes on one database; the public URL is the first one's."""
    ports = (free_port(), free_port())
    base = f"http://localhost:{ports[0]}"
    with prepared(base, url) as (environ, directory):
        async with started(environ, directory, ports[0]), started(environ, directory, ports[1]):
            yield base, ports


async def races(name: str, url: str | None, count: int) -> Outcome:
    outcome = Outcome(name)
    async with two(url) as (base, ports):
        assistant = await asyncio.to_thread(api, base, "POST", "/assistant", ECHO)
        await Races(outcome, base, ports, str(assistant["id"])).run(count)
    outcome.tell()
    return outcome


async def main(chosen: argparse.Namespace) -> int:
    print(machine(), flush=True)
    outcomes = [await races("SQLite", None, chosen.races)]
    with database(postgresql=True) as store:
        outcomes.append(await races("PostgreSQL", store.url, chosen.races))
    seen, reached = "; ".join(each.seen for each in outcomes), all(e.reached for e in outcomes)
    return conclude("token-races", seen, reached=reached, keep=chosen.record)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=50, help="on each database")
    parser.add_argument("--record", action="store_true")
    sys.exit(uvloop.run(main(parser.parse_args())))
