"""Refusals: bad bodies and wrong keys, in Vapi's error shape.

The shape is ``{"message": text or list of texts, "error": reason phrase, "statusCode": number}``.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import uuid4

from patchbay_conformance.http import Answer
from patchbay_conformance.row import Row
from patchbay_conformance.verdict import expect, same
from patchbay_conformance.world import World


def check_error(answer: Answer, status: int, word: str = "") -> None:
    """Vapi's error shape; ``word`` stands in the message."""
    same("the status", answer.status, status)
    body = answer.json()
    expect(isinstance(body, dict), f"the error is no object: {answer}")
    same("statusCode", body.get("statusCode"), status)
    same("error", body.get("error"), HTTPStatus(status).phrase)
    message = body.get("message")
    texts = message if isinstance(message, list) else [message]
    expect(texts and all(isinstance(each, str) and each for each in texts), f"message: {message!r}")
    expect(word in " ".join(texts), f"the message does not name {word!r}: {message!r}")


class Bad(NamedTuple):
    """A body of ``POST /call``. ``word``: what the message must name."""

    id: str
    says: str
    fields: dict[str, Any]
    word: str = ""


BAD = (
    Bad(
        "unknown-field", "an unknown property is refused by name", {"fistMessage": 1}, "fistMessage"
    ),
    Bad("too-short", "maxDurationSeconds is more than 9", {"maxDurationSeconds": 9}, "maxDuration"),
    Bad(
        "duration-type",
        "maxDurationSeconds is a number",
        {"maxDurationSeconds": "long"},
        "maxDurationSeconds",
    ),
    Bad("type", "type is outboundPhoneCall or inboundPhoneCall", {"type": "fax"}, "type"),
    Bad(
        "bypass-type",
        "phoneCallProviderBypassEnabled is a boolean",
        {"phoneCallProviderBypassEnabled": "yes"},
        "phoneCallProviderBypassEnabled",
    ),
    Bad("metadata", "metadata is an object", {"metadata": "text"}, "metadata"),
    Bad("uuid", "assistantId is a UUID", {"assistant": None, "assistantId": "x"}, "assistantId"),
    Bad(
        "no-such-assistant",
        "a missing assistant is 400, not 404",
        {"assistant": None, "assistantId": str(uuid4())},
        "ssistant",
    ),
    Bad(
        "no-such-number",
        "a missing phone number is 400, not 404",
        {"phoneNumberId": str(uuid4())},
        "umber",
    ),
    Bad("no-number", "phoneNumberId or phoneNumber is needed", {"phoneNumberId": None}, "umber"),
)


def bad(row: Bad) -> Callable[[World], None]:
    def check(world: World) -> None:
        body = world.body(world.carrier("twilio"), **row.fields)
        kept = {name: value for name, value in body.items() if value is not None}
        check_error(world.ask("POST", "/call", kept), 400, row.word)

    return check


def broken_json(world: World) -> None:
    check_error(world.ask("POST", "/call", raw=b'{"type": '), 400)


def without_bypass(world: World) -> None:
    """A number that no phone has, so that a server which takes it dials nothing."""
    body = world.body(world.carrier("twilio"), customer={"number": "not a number"})
    del body["phoneCallProviderBypassEnabled"]
    check_error(world.ask("POST", "/call", body), 400, "customer.number")


def wrong_keys(world: World) -> None:
    """Few at a time: a server may slow down who guesses keys."""
    body = world.body(world.carrier("twilio"))
    for key in (None, f"wrong-{uuid4()}"):
        check_error(world.ask("GET", "/call", key=key), 401)
    check_error(world.ask("POST", "/call", body, key=f"wrong-{uuid4()}"), 401)


ROWS = [
    *(Row(f"errors.{row.id}", f"400: {row.says}", "POST /call", bad(row)) for row in BAD),
    Row("errors.json", "400: a body that is not JSON", "POST /call", broken_json),
    Row(
        "errors.number",
        "400: customer.number is E.164 where the server dials",
        "POST /call without bypass, to no number",
        without_bypass,
    ),
    Row(
        "errors.unauthorized", "401 without a key, and with a wrong one", "GET and POST", wrong_keys
    ),
]
