"""Captured requests, sent again at any later time: signed, so let in, and without any effect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.settings import Settings
from app.store.schema import call_events, call_refs, call_tokens, calls, messages
from tests.domain.conftest import RETURN_HOST
from tests.domain.live_call import ECHO, Live, join, read
from tests.fakes.carriers.leg import CUSTOMER, OURS, Leg, target
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.routes.api import Api

THERE = {"type": "number", "number": "+14155550188"}
BACK = f"https://{RETURN_HOST}/back"
TABLES = (calls, call_events, call_refs, call_tokens, messages)
OUTCOME = re.compile(r"https?://[^\"]+/(?:dial|forward)/[\w-]+")


class Tape:
    """Every request of a leg, as it was sent."""

    def __init__(self, leg: Leg, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leg, self.send = leg, leg.post
        self.sent = list[tuple[str, Mapping[str, Any]]]()
        monkeypatch.setattr(leg, "post", self.post)

    def post(
        self, url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        self.sent.append((url, {**self.leg._names(), **fields}))
        return self.send(url, fields, headers)

    def replay(self) -> None:
        """All requests again, the last one first, each under another unsigned header."""
        for number, (url, fields) in enumerate(reversed(self.sent)):
            headers = {"I-Twilio-Idempotency-Token": f"replay-{number}", "X-Other": "x"}
            assert self.send(url, fields, headers).status_code < 300


@pytest.fixture
def tape(leg: Leg, monkeypatch: pytest.MonkeyPatch) -> Tape:
    return Tape(leg, monkeypatch)


def rows(app: Flask) -> dict[str, list[Any]]:
    with app.extensions["patchbay"].store.read() as conn:
        return {table.name: sorted(map(repr, conn.execute(sa.select(table)))) for table in TABLES}


def busy(leg: Leg, url: str) -> TestResponse:
    """The destination of a forward is busy."""
    if leg.name == "twilio":
        fields = {"DialCallStatus": "busy", "DialCallSid": "CA" + "e" * 32}
        return leg.post(url, {"CallStatus": "in-progress", **fields})
    return leg.say("busy", 70, path=url, uuid="forward", direction="outbound")


def story(api: Api, leg: Leg) -> Iterator[Live]:
    """A call: lost twice, forwarded in between, lent back, lent again, and over."""
    live = Live(api, leg, {"returnUrl": BACK})
    yield live
    live.lose()
    yield live
    live.put_back(1)
    yield live
    body = {"type": "transfer", "destination": THERE}
    assert api.post(f"/call/{live.id}/control", body).status_code == 200
    yield live
    forwarded = leg.ask(live.document, 2).text
    yield live
    found = OUTCOME.search(forwarded)
    assert found
    live.document = read(leg, busy(leg, found[0]))
    yield live
    live.claim = join(leg, live.document)
    yield live
    live.lose()
    live.put_back(3)
    yield live
    live.end()
    assert BACK in leg.ask(live.document, 4).text
    if leg.name != "twilio":  # see the last test
        yield live
    second = read(leg, leg.arrive({"returnUrl": BACK}, visit=2))
    join(leg, second)
    yield live
    leg.say("completed", 200, lasted=100)
    yield live


def test_a_replay_changes_nothing_at_any_time(app: Flask, api: Api, leg: Leg, tape: Tape) -> None:
    for _ in story(api, leg):
        before = rows(app)
        tape.replay()
        after = rows(app)
        assert [
            row for name in TABLES for row in after[name.name] if row not in before[name.name]
        ] == []
        assert after == before
    assert len(api.get("/call").json) == 2


def test_replays_of_an_arrival_are_one_call(api: Api, leg: Leg, tape: Tape) -> None:
    """Also of a call that is over, whose leg was not lent back."""
    live = Live(api, leg)
    live.end()
    leg.ask(live.document)
    for _ in range(3):
        tape.replay()
    assert len(api.get("/call").json) == 1


def test_a_leg_that_was_lent_back_may_come_by_the_same_request(api: Api, app: Flask) -> None:
    """A flow in a loop asks the same each time; a replay in its place makes one call at most."""
    TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
    leg = TwilioLeg(app)
    live = Live(api, leg, {"returnUrl": BACK})
    for _ in range(2):
        live.end()
        leg.ask(live.document)
        live.document = read(leg, leg.arrive({"returnUrl": BACK}, visit=2))
        live.id = join(leg, live.document).call_id
    live.end()
    leg.ask(live.document)
    for _ in range(3):
        leg.arrive({"returnUrl": BACK}, visit=2)
    assert len(api.get("/call").json) == 4


class TestTokenOfVonage:
    """It signs a body, and no path: the store knows which event it was for, in every process."""

    @pytest.fixture
    def vonage(self, api: Api, app: Flask) -> VonageLeg:
        VonageLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        return VonageLeg(app)

    @pytest.fixture
    def elsewhere(self, settings: Settings) -> Iterator[Flask]:
        """Another process on the same database."""
        second = create_app(settings)
        yield second
        second.extensions["patchbay"].store.close()

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/vonage/event", 204),  # the same event
            ("/vonage/event?assistantId=mine", 204),  # what is not signed makes no other one
            ("/vonage/fallback", 401),
            ("of another call", 401),
        ],
    )
    def test_it_is_for_one_event(
        self,
        api: Api,
        app: Flask,
        elsewhere: Flask,
        vonage: VonageLeg,
        path: str,
        status: int,
    ) -> None:
        Live(api, vonage)
        other = Live(api, VonageLeg(app))
        ends = {"from": CUSTOMER[1:], "to": OURS[1:], "direction": "inbound"}
        event = {"uuid": vonage.ref, "conversation_uuid": vonage.call_ref, "status": "human"}
        base = app.extensions["patchbay"].settings.public_url
        signed = vonage.signer.request("POST", f"{base}/vonage/event", {**ends, **event})

        def send(to: Flask, path: str) -> int:
            environ = {"patchbay.raw_target": path}
            return (
                to.test_client()
                .post(path, data=signed.body, headers=signed.headers, environ_overrides=environ)
                .status_code
            )

        assert send(app, "/vonage/event") == 204
        before = rows(app)
        if path == "of another call":
            path = target(other.document.stream_url)
        assert send(elsewhere, path) == status
        assert rows(app) == before
