"""The accounts that the carriers are played with: given by options, or registered through the API."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from patchbay_conformance.carriers.base import Carrier
from patchbay_conformance.carriers.twilio import Twilio
from patchbay_conformance.carriers.vonage import Vonage
from patchbay_conformance.http import Answer
from patchbay_conformance.target import CARRIERS
from patchbay_conformance.verdict import Failed, NotAsked, expect
from patchbay_conformance.world import World

_numbers = itertools.count(secrets.randbelow(8000))
TRIES = 5


def set_up(world: World) -> None:
    """Find or register an account at each carrier. What fails is the reason of rows not asked."""
    makers: Mapping[str, Callable[[World], Carrier]] = {"twilio": _twilio, "vonage": _vonage}
    for name in CARRIERS:
        if name in world.target.without:
            continue
        try:
            world.carriers[name] = makers[name](world)
        except (Failed, NotAsked) as error:
            option = "--twilio-auth-token" if name == "twilio" else "--vonage-signature-secret"
            text = f"no account at {name} ({error}); name one with {option}"
            world.carriers[name] = text


def clean_up(world: World) -> None:
    """Delete what the kit has made, the newest first."""
    while world.made:
        with suppress(Failed):
            world.ask("DELETE", world.made.pop())


def extra_number(world: World, carrier: Carrier, **fields: Any) -> dict[str, Any]:
    """Another number of an account that the kit has registered. Raises ``NotAsked``."""
    if not carrier.registered:
        raise NotAsked(f"the account at {carrier.name} is not the kit's: it adds no number to it")
    return _number(world, carrier, **fields)


def _number(world: World, carrier: Carrier, **fields: Any) -> dict[str, Any]:
    for _ in range(TRIES):  # another run may have left one
        body = {**carrier.number_body(f"+1555010{next(_numbers) % 10_000:04}"), **fields}
        answer = world.ask("POST", "/phone-number", body)
        if answer.status == 201:
            break
    made = _made(world, "/phone-number", answer)
    return {**made, "number": body["number"]}


def _made(world: World, path: str, answer: Answer) -> dict[str, Any]:
    expect(answer.status == 201, f"POST {path} answered {answer}")
    found = answer.json()
    world.made.append(f"{path}/{found['id']}")
    return dict(found)


def _twilio(world: World) -> Carrier:
    given = world.target.twilio
    if given.auth_token:
        row = _given_number(world, "twilio", given.number_id)
        sid = given.account_sid or str(row.get("twilioAccountSid") or "")
        expect(sid, "the number shows no twilioAccountSid: give --twilio-account-sid")
        return Twilio(sid, given.auth_token, str(row["number"]), str(row["id"]))
    made = Twilio(f"AC{secrets.token_hex(16)}", secrets.token_hex(16), "", "")
    return _registered(world, made)


def _vonage(world: World) -> Carrier:
    given = world.target.vonage
    if given.signature_secret:
        row = _given_number(world, "vonage", given.number_id)
        number = f"+{str(row['number']).removeprefix('+')}"
        return Vonage(
            given.api_key, given.signature_secret, given.application_id, number, str(row["id"])
        )
    made = Vonage(secrets.token_hex(4), secrets.token_hex(24), "", "", "")
    body = {
        "provider": "vonage",
        "apiKey": made.api_key,
        "apiSecret": secrets.token_hex(8),
        # Vapi has no such field: it makes the application, and so its secret, itself.
        "signatureSecret": made.signature_secret,
    }
    answer = world.ask("POST", "/credential", body)
    made.credential_id = str(_made(world, "/credential", answer)["id"])
    return _registered(world, made)


def _registered(world: World, carrier: Carrier) -> Carrier:
    row = _number(world, carrier)
    carrier.number, carrier.number_id = str(row["number"]), str(row["id"])
    carrier.registered = True
    return carrier


def _given_number(world: World, provider: str, number_id: str) -> dict[str, Any]:
    """The number of that id, or the first of the provider."""
    rows = world.api("GET", "/phone-number")
    mine = [row for row in rows if row.get("provider", provider) == provider]
    found = [row for row in mine if not number_id or row["id"] == number_id]
    expect(found, f"GET /phone-number shows no {provider} number {number_id}".rstrip())
    return dict(found[0])
