"""The gate: where a call may be forwarded to, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.legs import destinations
from app.settings import Settings
from app.store.engine import Store
from tests.routes.api import Api, organisation, refused

pytestmark = pytest.mark.any_store  # the subject: rules about numbers

ORG = "11111111-1111-4111-8111-111111111111"
OWN = "+14155550100"  # a number of the organisation: United States


def gate(
    store: Store, settings: Settings, destination: dict[str, Any], **changes: Any
) -> str | None:
    app: Flask = create_app(Settings(**{**vars(settings), **changes}))
    context = app.extensions["patchbay"].context
    call = organisation(app, ORG, "key of the first").call()
    assert call["status"] == "queued"
    with store.read() as conn:
        found = record.get(conn, call["id"])
        assert found is not None
        found.facts = found.facts._replace(number=OWN)
        return destinations.problem(CallTx(context, conn, found), destination)


def number(to: object) -> dict[str, Any]:
    return {"type": "number", "number": to}


UNCHECKED = {"numberE164CheckEnabled": False}

REFUSED: list[tuple[dict[str, Any], str]] = [
    (number("911"), "E.164"),  # emergency
    (number("+1911"), "E.164"),  # the same with a country
    (number("+18335"), "E.164"),  # a short code
    (number("4155550188"), "E.164"),  # no plus
    (number("+1415555018\u0668"), "E.164"),  # an Arabic digit
    (number("+14155550188,,9"), "E.164"),  # keys behind the number
    (number("+14155550188\n"), "E.164"),
    (number(14155550188), "E.164"),
    (number("+1415555018"), "North American"),  # a digit short
    (number("+10155550188"), "North American"),  # no such area
    (number("+19005550188"), "premium"),
    (number("+18765550188"), "JM"),  # Jamaica: dialled like the United States, paid like abroad
    (number("+14165550188"), "CA"),
    (number("+442079460018"), "GB"),
    (number("+252615550188"), "SO"),
    (number("+8821655501"), "no country"),  # satellite
    (number("+97990123456"), "no country"),  # international premium
    (number(OWN), "your own"),  # a loop
    ({"type": "sip", "sipUri": "sip:desk@pbx.example.com"}, "ALLOWED_SIP_HOSTS"),
    ({"type": "sip", "sipUri": "sip:desk@pbx.example.com?X-Evil=1"}, "sip:user@host"),
    ({"type": "client", "number": "x"}, "destination.type"),
    ({"type": ["number"]}, "destination.type"),
    ({**number("+14155550188"), "extension": "12ext3"}, "extension"),
    ({**number("+14155550188"), "callerId": "Anonymous"}, "callerId"),
    ({**number("+14155550188"), "message": "x" * 1001}, "message"),
    ({**number("+14155550188"), "onFailure": "retry"}, "onFailure"),
    ({**number("+14155550188"), "message": {"content": "x" * 1001}}, "message"),
    ({**number("1234"), **UNCHECKED}, "E.164"),  # of no country: nobody can have allowed it
    ({**number("abc"), **UNCHECKED}, "E.164"),
    ({**number("4155550188"), **UNCHECKED}, "CH"),  # what its digits say, wherever it is dialled
    ({**number("0019005550188"), **UNCHECKED}, "premium"),
    ({**number("+14155550188"), "extension": 123}, "extension"),  # a server may send any JSON
    ({**number("+14155550188"), "transferPlan": {"mode": ["x"]}}, "transferPlan.mode"),
    (
        {**number("+14155550188"), "transferPlan": {"mode": "blind-transfer", "sipVerb": [1]}},
        "transferPlan.sipVerb",
    ),
    (
        {
            **number("+14155550188"),
            "transferPlan": {"mode": "blind-transfer", "contextEngineeringPlan": {"type": {}}},
        },
        "contextEngineeringPlan.type",
    ),
    (  # rendered already: no braces become a URL any more
        {
            **number("+14155550188"),
            "transferPlan": {"mode": "warm-transfer-say-message", "holdAudioUrl": "{{song"},
        },
        "holdAudioUrl",
    ),
]
TRUNK = Settings(secret_keys=(), allowed_sip_hosts=frozenset({"trunk.example.com"}))


def at_trunk(user: str) -> str | None:
    """Why this user of an allowed host is refused."""
    place = {"type": "sip", "sipUri": f"sip:{user}@trunk.example.com"}
    return destinations.place_problem(TRUNK, place, {OWN})


@pytest.mark.parametrize(("destination", "word"), REFUSED, ids=lambda value: str(value)[:50])
def test_refused(store: Store, settings: Settings, destination: dict[str, Any], word: str) -> None:
    assert word in (gate(store, settings, destination) or "")


@pytest.mark.parametrize(
    ("user", "word"),
    [
        ("+19005550188", "premium"),
        ("19005550188", "premium"),
        ("0019005550188", "premium"),
        ("01119005550188", "premium"),
        ("+1-900-555.0188", "premium"),  # a trunk drops what only separates
        ("447012345678", "premium"),  # a personal number
        ("+97990123456", "premium"),
        ("+8821655501", "premium"),
        ("+14155550100", "your own"),
        ("14155550100", "your own"),
    ],
)
def test_a_number_at_an_allowed_trunk(user: str, word: str) -> None:
    """The host is allowed, and the trunk there dials the number."""
    found = at_trunk(user) or ""
    assert found.startswith("sipUri ")
    assert word in found


@pytest.mark.parametrize("user", ["desk", "100", "9790001", "9795550188", "+442079460018", "a.b-c"])
def test_other_users_of_it(user: str) -> None:
    """The host's owner says which countries it dials, and what its own short numbers are."""
    assert at_trunk(user) is None


@pytest.mark.parametrize(
    ("destination", "setting"),
    [
        (number("+14155550188"), {}),  # the country of the own number
        ({**number("+14155550188"), "extension": "1w2#,3", "callerId": OWN}, {}),
        ({**number("+14155550188"), "extension": "", "callerId": "", "message": ""}, {}),
        ({**number("+14155550188"), "transferPlan": {"mode": "blind-transfer"}, "x": [1]}, {}),
        ({**number("14155550188"), **UNCHECKED}, {}),
        ({**number("0014155550188"), **UNCHECKED}, {}),
        (number("+442079460018"), {"allowed_countries": frozenset({"GB"})}),
        (number("+18765550188"), {"allowed_countries": frozenset({"+1876"})}),
        (
            {"type": "sip", "sipUri": "sip:desk@PBX.example.com:5061;transport=tls"},
            {"allowed_sip_hosts": frozenset({"pbx.example.com"})},
        ),
    ],
)
def test_allowed(
    store: Store, settings: Settings, destination: dict[str, Any], setting: dict[str, Any]
) -> None:
    assert gate(store, settings, destination, **setting) is None


def test_a_listed_country_leaves_out_the_own_one(store: Store, settings: Settings) -> None:
    allowed = {"allowed_countries": frozenset({"GB"})}
    assert "US" in (gate(store, settings, number("+14155550188"), **allowed) or "")


def test_transfer_is_for_calls_in_progress(api_of: Api) -> None:
    call = api_of.call()
    body = {"type": "transfer", "destination": number("+14155550188")}
    assert "queued" in refused(api_of.post(f"/call/{call['id']}/control", body))


@pytest.fixture
def api_of(store: Store, settings: Settings) -> Api:
    return organisation(create_app(settings), ORG, "key of the first")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, None),
        ("Hold on.", "Hold on."),
        ("", ""),  # silence
        ({"type": "custom-message", "content": "Hold on."}, "Hold on."),
        ({"content": "b", "contents": [{"type": "text", "text": "a", "language": "en"}]}, "a"),
        ({"type": "custom-message"}, None),
        ({"contents": [7, {"text": 7}]}, None),
        (7, None),
    ],
)
def test_first_words(message: Any, words: str | None) -> None:
    assert destinations.first_words({"message": message}) == words


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ({"number": "+14155550188"}, "+14155550188"),
        ({"number": "14155550188"}, "14155550188"),  # the check is on, and will refuse it
        ({"number": "14155550188", **UNCHECKED}, "+14155550188"),
        ({"number": "+0014155550188", **UNCHECKED}, "+14155550188"),
        ({"number": "anonymous", **UNCHECKED}, "anonymous"),
        ({}, ""),
    ],
)
def test_the_number_that_is_dialled(given: dict[str, Any], dialled: str) -> None:
    """It is the one that was checked: the carrier must not read it in another way."""
    assert destinations.number_of(given) == dialled
