"""Requests that the carrier has not signed: refused, and without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from patchbay_conformance.carriers.base import Carrier
from patchbay_conformance.carriers.twilio import HEADER, Twilio, signature
from patchbay_conformance.carriers.vonage import Vonage
from patchbay_conformance.checks.inbound import arrival_url
from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import World

_ANY: tuple[Carrier, ...] = (Twilio("", "x", "", ""), Vonage("", "x", "", "", ""))
NAMES = {carrier.name: tuple(carrier.forgeries("", {})) for carrier in _ANY}
"""The forgeries of each carrier, by name."""
WAIT_SECONDS = 1.0


def forged(which: str) -> Callable[[World, str], None]:
    def check(world: World, name: str) -> None:
        carrier = world.carrier(name)
        leg = carrier.new_leg()
        call = world.create(carrier, leg)
        url = world.status_url(carrier, call).partition("#")[0]
        event = carrier.status(leg, "completed", 9)
        answer = world.deliver(carrier.forgeries(url, event)[which]())
        refused = 400 <= answer.status < 500 or answer.status == 503
        expect(refused, f"a forgery ({which}) was answered {answer}")
        same("status of the call", world.call(call["id"]).get("status"), "queued")

    return check


def other_call(world: World, name: str) -> None:
    """Twilio signs the URL: a request for one call does not count for another."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call, other = (world.create(carrier, leg) for _ in range(2))
    event = carrier.status(leg, "completed", 9)
    signed = carrier.sign(world.status_url(carrier, call).partition("#")[0], event)
    moved = signed._replace(url=world.status_url(carrier, other).partition("#")[0])
    expect(not world.deliver(moved).ok, "a request that was signed for another call is taken")
    same("status of the other call", world.call(other["id"]).get("status"), "queued")


def unsigned_arrival(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg(inbound=True)
    url = arrival_url(world, carrier)
    made = carrier.forgeries(url, carrier.arrival(leg, carrier.number))
    answer = world.deliver(made["no signature" if name == "twilio" else "no token"]())
    expect(not answer.ok, f"an unsigned webhook was answered {answer}")
    rows = world.api("GET", "/call?limit=100")
    expect(
        not [row for row in rows if row.get("phoneCallProviderId") == leg.ref],
        "an unsigned webhook made a call",
    )


def socket(world: World, name: str) -> None:
    """The handshake is signed too. A wrong one must not spend the URL of the right one."""
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    document = carrier.details(call)
    url = document.media_url
    for headers in _unsigned(url):
        opened = _opens(world, url, headers)
        expect(not opened, f"the media socket opens with {sorted(headers) or 'no signature'}")
    same("status of the call", world.call(call["id"]).get("status"), "queued")
    world.connect(carrier, leg, document).close()


def _unsigned(url: str) -> list[dict[str, str]]:
    stranger = {HEADER: signature("f" * 32, url, {})}
    return [{}, {"Authorization": "Bearer x.y.z"}, stranger]


def _opens(world: World, url: str, headers: Mapping[str, str]) -> bool:
    """Whether a socket opens, and stays open for a moment."""
    try:
        with connect(
            world.target.reach(url),
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=world.target.patience,
        ) as opened:
            opened.recv(timeout=WAIT_SECONDS)
    except TimeoutError:
        return True
    except (OSError, ConnectionClosed, WebSocketException):
        return False
    return True


ROWS: list[Row] = [
    *(
        row
        for name, forgeries in NAMES.items()
        for which in forgeries
        for row in for_carriers(
            f"forged.{which.replace(' ', '-').lower()}",
            "a webhook that the carrier did not sign is refused, and changes nothing",
            f"a completed of a leg: {which}",
            forged(which),
            (name,),
        )
    ),
    *for_carriers(
        "forged.other-call",
        "a webhook that was signed for one call does not count for another",
        "the body and signature of one call at the URL of another",
        other_call,
        ("twilio",),
    ),
    *for_carriers(
        "forged.arrival",
        "an unsigned webhook makes no call",
        "the webhook for a caller's leg, unsigned",
        unsigned_arrival,
    ),
    *for_carriers(
        "forged.socket",
        "the media socket's handshake is signed by the carrier",
        "handshakes without a signature, then the right one",
        socket,
    ),
]
