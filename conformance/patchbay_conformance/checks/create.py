"""Creating a call in bypass mode, and the answer's fields.

https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from patchbay_conformance.row import Row, for_carriers
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import Call, World

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
METADATA = {"ticket": 4711, "nested": {"list": [1, None, "é"]}}
FIELDS: dict[str, Any] = {
    "type": "outboundPhoneCall",
    "status": "queued",
    "phoneCallTransport": "pstn",
    "phoneCallProviderBypassEnabled": True,
}
NOT_YET = ("endedReason", "endedAt", "startedAt", "phoneCallProviderId")


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


def fields(world: World, name: str) -> None:
    carrier = world.carrier(name)
    call = world.create(carrier)
    for field in ("id", "orgId"):
        expect(is_uuid(call.get(field)), f"{field} is {call.get(field)!r}, not a UUID")
    for field in ("createdAt", "updatedAt"):
        text = str(call.get(field))
        expect(DATE.fullmatch(text), f"{field} is {text!r}, not ISO 8601 with milliseconds and Z")
    for field, value in {**FIELDS, "phoneCallProvider": name}.items():
        same(field, call.get(field), value)
    for field in NOT_YET:
        expect(call.get(field) is None, f"{field} is {call.get(field)!r} before there is a leg")


def echo(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg, metadata=METADATA, maxDurationSeconds=600)
    same("metadata", call.get("metadata"), METADATA)
    same("maxDurationSeconds", call.get("maxDurationSeconds"), 600)
    same("phoneNumberId", call.get("phoneNumberId"), carrier.number_id)
    same("customer.number", (call.get("customer") or {}).get("number"), leg.customer)
    assistant = call.get("assistant") or {}
    for field, value in world.target.assistant.items():
        same(f"assistant.{field}", assistant.get(field), value)


def details(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg()
    call = world.create(carrier, leg)
    _ends(call, carrier.number, leg.customer)
    carrier.details(call)


def inbound(world: World, name: str) -> None:
    carrier = world.carrier(name)
    leg = carrier.new_leg(inbound=True)
    call = world.create(carrier, leg, type="inboundPhoneCall")
    same("type", call.get("type"), "inboundPhoneCall")
    _ends(call, leg.customer, carrier.number)
    carrier.details(call)


def _ends(call: Call, ours: str, theirs: str) -> None:
    """``from`` and ``to`` of the details. Vonage writes numbers without a plus."""
    found = call.get("phoneCallProviderDetails") or {}
    for field, number in (("from", ours), ("to", theirs)):
        same(
            f"phoneCallProviderDetails.{field}",
            str(found.get(field)).removeprefix("+"),
            number.removeprefix("+"),
        )


def secrets(world: World, name: str) -> None:
    carrier = world.carrier(name)
    call = world.create(carrier)
    for path in (f"/call/{call['id']}", "/phone-number", "/credential"):
        text = world.ask("GET", path).text
        for secret in carrier.secrets():
            expect(secret not in text, f"GET {path} shows a secret of the account")


def older_path(world: World) -> None:
    carrier = world.carrier("twilio")
    call = world.make("/call/phone", world.body(carrier))
    world.made[-1:] = [f"/call/{call['id']}"]
    same("status", call.get("status"), "queued")


def documents(world: World, name: str) -> None:
    carrier = world.carrier(name)
    urls = {carrier.details(world.create(carrier)).media_url for _ in range(2)}
    expect(len(urls) == 2, "two calls have the same media URL")


ROWS = [
    *for_carriers(
        "create.fields",
        "201 with id, orgId, createdAt, updatedAt, type, phoneCallProvider, transport, queued",
        "POST /call with phoneCallProviderBypassEnabled",
        fields,
    ),
    *for_carriers(
        "create.echo",
        "metadata, maxDurationSeconds, customer, assistant and phoneNumberId come back as sent",
        "POST /call with each of them",
        echo,
    ),
    *for_carriers(
        "create.details",
        "phoneCallProviderDetails has to, from, and TwiML or NCCO that connects a media socket",
        "POST /call; the document is parsed by the carrier's rules",
        details,
    ),
    *for_carriers(
        "create.inbound",
        "type inboundPhoneCall is relevant with bypass on: the customer is the one who calls",
        "POST /call with type",
        inbound,
    ),
    *for_carriers(
        "create.own-document",
        "each call has a media URL of its own",
        "POST /call twice",
        documents,
    ),
    *for_carriers(
        "create.no-secrets",
        "no answer shows the carrier's secrets",
        "GET of the call, the numbers, the credentials",
        secrets,
    ),
    Row(
        "create.older-path",
        "POST /call/phone, of the page's time, creates a call too",
        "POST /call/phone",
        older_path,
    ),
]
