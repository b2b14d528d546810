"""What an assistant is told from outside: stored, taken once and in order, or refused."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.domain.live import control as commands
from app.domain.services.media import MediaService
from app.store.commands import Command
from app.store.schema import call_commands
from app.wiring import Services
from tests.domain.live_call import Live, join, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.routes.api import Api, refused

SPEAKING = {
    "name": "Sam",
    "firstMessage": "Hello.",
    "voicemailDetection": {"provider": "twilio", "voicemailDetectionTypes": ["machine_start"]},
}
MESSAGE = {**SPEAKING, "voicemailMessage": "Please call back."}
SAY = {"type": "say", "content": "One moment."}


@pytest.fixture
def assistant(request: pytest.FixtureRequest) -> dict[str, Any]:
    given: dict[str, Any] = getattr(request, "param", MESSAGE)
    return given


@pytest.fixture
def number(api: Api, carrier: type[Leg], assistant: dict[str, Any]) -> dict[str, Any]:
    """With an assistant that speaks."""
    return carrier.number_of(api, assistantId=api.made("/assistant", assistant)["id"])


def given(live: Live) -> list[dict[str, Any]]:
    """What whoever holds the socket takes."""
    return [dict(command.body) for command in live.media.commands([live.claim])]


def control(api: Api, live: Live, body: dict[str, Any]) -> Any:
    return api.post(f"/call/{live.id}/control", body)


def verdict(leg: Leg) -> None:
    """A machine has answered."""
    if isinstance(leg, TwilioLeg):
        answer = leg.say("in-progress", 61, AnsweredBy="machine_start")
    else:
        answer = leg.say("machine", 61, call_uuid=leg.ref)
    assert answer.status_code in (200, 204), answer.text


def test_commands_are_taken_once_and_in_order(api: Api, live: Live) -> None:
    told = [{**SAY, "content": f"Number {n}."} for n in range(5)]
    for body in told:
        assert control(api, live, body).status_code == 200
    assert given(live) == told
    assert given(live) == []


def test_secrets_of_a_handoff_are_stored_sealed(app: Flask, api: Api, live: Live) -> None:
    """They reach the assistant, whatever a client calls ``sealed``."""
    keys = [{"provider": "openai", "apiKey": "c4n4ry"}]
    own = {"name": "Ann", "server": {"url": "https://a.example/", "secret": "c4n4ry"}}
    place = {"type": "assistant", "assistant": {**own, "credentials": keys}}
    told = {"type": "handoff", "destination": place}
    assert control(api, live, {**told, "sealed": "of a client"}).status_code == 200
    services: Services = app.extensions["patchbay"]
    with services.store.read() as conn:
        (stored,) = conn.execute(sa.select(call_commands.c.body)).scalars()
    assert "c4n4ry" not in str(stored)
    assert given(live) == [told]


def test_a_handoff_whose_secrets_cannot_be_opened_goes_on(
    app: Flask, api: Api, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    own = {"name": "Ann", "server": {"url": "https://a.example/"}}
    secret = {"server": {"url": "https://a.example/", "secret": "c4n4ry"}}
    told = {"type": "handoff", "destination": {"type": "assistant", "assistant": own}}
    with_secret = {"type": "assistant", "assistant": {**own, **secret}}
    control(api, live, {**told, "destination": with_secret})
    services: Services = app.extensions["patchbay"]
    with services.store.write() as conn:
        (stored,) = conn.execute(sa.select(call_commands.c.body)).scalars()
        conn.execute(call_commands.update().values(body={**stored, "sealed": "AAAA"}))
    assert given(live) == [told]
    assert "secrets of a command cannot be used" in caplog.text


def test_those_of_another_call_stay(api: Api, live: Live, leg: Leg) -> None:
    other = Live(api, type(leg)(leg.app))
    control(api, live, SAY)
    assert given(other) == []
    assert given(live) == [SAY]


def test_the_holder_of_the_socket_is_nudged(api: Api, live: Live, app: Flask) -> None:
    nudged = list[str]()
    services: Services = app.extensions["patchbay"]
    services.context.media_wakers.append(nudged.append)
    control(api, live, SAY)
    assert nudged == [live.id]


def test_a_call_that_is_not_in_progress(api: Api, live: Live) -> None:
    live.end()
    message = "`say` needs a call in progress: its status is ended"
    assert refused(control(api, live, SAY)) == message
    assert given(live) == []


@pytest.mark.parametrize("assistant", [{"transport": {"provider": "echo"}}], indirect=True)
def test_an_assistant_without_words(api: Api, live: Live) -> None:
    assert "this assistant does not take `say`" in refused(control(api, live, SAY))
    assert given(live) == []


def test_too_many(api: Api, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_WAITING", 2)
    assert [control(api, live, SAY).status_code for _ in range(3)] == [200, 200, 400]
    given(live)
    assert control(api, live, SAY).status_code == 200


def test_they_go_with_the_call(api: Api, live: Live) -> None:
    control(api, live, SAY)
    api.delete(f"/call/{live.id}")
    assert given(live) == []


# ------------------------------------------------------------------ a machine


def test_a_machine_is_left_the_message(leg: Leg, live: Live) -> None:
    verdict(leg)
    assert given(live) == [dict(commands.VOICEMAIL)]
    assert (live.status, live.reason) == ("in-progress", None)
    [noted] = [e for e in live.api.get(f"/call/{live.id}/events").json if "machine" in e["kind"]]
    assert noted["data"]["messageIsLeft"] is True


def test_a_verdict_that_is_told_twice_is_one(leg: Leg, live: Live) -> None:
    verdict(leg)
    verdict(leg)
    assert len(given(live)) == 1


@pytest.mark.parametrize(
    "assistant",
    [
        # no message to leave
        SPEAKING,
        # nobody to speak it
        {**MESSAGE, "transport": {"provider": "echo"}},
    ],
    indirect=True,
)
def test_without_one_the_call_ends(leg: Leg, live: Live) -> None:
    verdict(leg)
    assert given(live) == []
    assert (live.status, live.reason) == ("ended", "voicemail")


def test_the_message_waits_for_the_socket(api: Api, leg: Leg) -> None:
    """The carrier has listened before it asked what to do."""
    document = read(leg, leg.arrive())
    verdict(leg)
    claim = join(leg, document)
    media: MediaService = leg.app.extensions["patchbay"].media
    assert media.commands([claim]) == [Command(claim.call_id, dict(commands.VOICEMAIL))]


def test_a_verdict_after_the_end_is_nothing(leg: Leg, live: Live) -> None:
    live.end()
    verdict(leg)
    assert given(live) == []
    assert live.reason == "manually-canceled"
