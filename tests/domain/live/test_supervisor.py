"""Who may speak on a call, where, and what is stored of a call that a supervisor has."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.domain.calls.facts import MonitorEndpoint
from app.domain.live import control as commands
from app.domain.live.supervisor import OPEN_SECONDS, TAKE_OVERS
from app.wiring import Services
from providers.errors import Refused
from tests.domain.live.test_control import SAY, control, given
from tests.domain.live_call import Live
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api, refused

HERE = MonitorEndpoint("here", "/somewhere")
SPEAKING = {"name": "Sam", "firstMessage": "Hello."}


@pytest.fixture
def assistant(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = getattr(request, "param", SPEAKING)
    return found


@pytest.fixture
def number(api: Api, carrier: type[Leg], assistant: dict[str, Any]) -> dict[str, Any]:
    return carrier.number_of(api, assistantId=api.made("/assistant", assistant)["id"])


@pytest.fixture(autouse=True)
def services(app: Flask) -> Services:
    found: Services = app.extensions["patchbay"]
    found.media.endpoint = HERE
    return found


def socket_of(api: Api, live: Live, query: str = "") -> tuple[str, str, str]:
    """The path, the token and the expiry of a supervisor's URL."""
    answer = api.post(f"/call/{live.id}/supervisor{query}")
    assert answer.status_code == 201, answer.text
    made: Any = answer.json
    url = urlsplit(made["websocketUrl"])
    known = parse_qs(url.query)
    return url.path, known["token"][0], known["expires"][0]


def test_a_key_and_the_calls_own_token_open_it(api: Api, live: Live, services: Services) -> None:
    own = urlsplit(live.call["monitor"]["controlUrl"]).query
    for who, query in ((api, ""), (Api(api.app, None), f"?{own}")):
        path, token, expires = socket_of(who, live, query)
        assert path == f"/supervise/{live.id}"
        assert services.media.find_supervised(live.id, token, expires) == HERE
    assert Api(api.app, None).post(f"/call/{live.id}/supervisor?token=x").status_code == 401


def test_it_opens_this_call_for_a_minute(
    api: Api, leg: Leg, live: Live, services: Services
) -> None:
    other = Live(api, type(leg)(leg.app))
    _, token, expires = socket_of(api, live)
    listening = parse_qs(urlsplit(live.call["monitor"]["listenUrl"]).query)["token"][0]
    past = str(int(expires) - OPEN_SECONDS - 1)
    for call_id, shown, until in [
        (other.id, token, expires),
        (live.id, listening, expires),
        (live.id, token, str(int(expires) + 1)),
        (live.id, token, past),
        (live.id, token, ""),
        (live.id, token, "٥"),
        (live.id, "", expires),
    ]:
        with pytest.raises(Refused):
            services.media.find_supervised(call_id, shown, until)
    old = services.context.vault.sign(f"supervise {live.id} {past}")
    with pytest.raises(Refused):
        services.media.find_supervised(live.id, old, past)


def test_a_call_that_is_over(api: Api, live: Live, services: Services) -> None:
    _, token, expires = socket_of(api, live)
    live.end()
    assert services.media.find_supervised(live.id, token, expires) is None
    told = refused(api.post(f"/call/{live.id}/supervisor"))
    assert told == "a supervisor needs a call in progress: its status is ended"
    live.api.delete(f"/call/{live.id}")
    with pytest.raises(Refused):
        services.media.find_supervised(live.id, token, expires)


OFF: list[tuple[dict[str, Any], str]] = [
    ({"transport": {"provider": "echo"}}, "does not take a supervisor: its transport is `echo`"),
    ({**SPEAKING, "monitorPlan": {"controlEnabled": False}}, "controlEnabled is false"),
]


@pytest.mark.parametrize(("assistant", "why"), OFF, indirect=["assistant"])
def test_a_call_on_which_nobody_can_speak(api: Api, live: Live, why: str) -> None:
    assert why in refused(api.post(f"/call/{live.id}/supervisor"))
    assert control(api, live, {"type": "take-over"}).status_code == 400


def test_the_assistant_is_told(api: Api, live: Live) -> None:
    assert control(api, live, {"type": "take-over"}).status_code == 200
    assert given(live) == [{"type": "take-over"}]
    told = refused(control(api, live, {"type": "give-back"}))
    assert told == "`give-back` needs a call that a supervisor has: the assistant has this one"
    live.media.taken_over(live.claim, taken=True, cause="asked")
    body = {"type": "give-back", "triggerResponseEnabled": True}
    assert control(api, live, body).status_code == 200
    assert given(live) == [body]


def test_a_callers_own_program_takes_no_call_over() -> None:
    """Its messages come by the call's own socket, and need no token."""
    assert commands.is_whole(SAY)
    assert not any(commands.is_whole({"type": each}) for each in TAKE_OVERS)


def test_nothing_makes_it_speak_meanwhile(api: Api, live: Live) -> None:
    live.media.taken_over(live.claim, taken=True, cause="asked")
    first = {"type": "control", "control": "say-first-message"}
    handoff = {"type": "handoff", "destination": {"type": "assistant", "assistantName": "B"}}
    for body in (SAY, first, handoff):
        told = refused(control(api, live, body))
        assert told == f"a supervisor has the call: `{body['type']}` needs a `give-back` first"
    whisper = {"type": "add-message", "message": {"role": "system", "content": "Be kind."}}
    for body in (whisper, {"type": "control", "control": "mute-customer"}):
        assert control(api, live, body).status_code == 200
    live.media.taken_over(live.claim, taken=False, cause="lost")
    assert control(api, live, SAY).status_code == 200


def test_it_is_an_event_each_and_the_next_socket_knows(api: Api, live: Live) -> None:
    for _ in range(2):
        live.media.taken_over(live.claim, taken=True, cause="asked")
    live.lose()
    live.put_back(1)
    known = [live.claim.taken_over]
    assert live.status == "in-progress"
    live.media.taken_over(live.claim, taken=False, cause="lost")
    live.lose()
    live.put_back(2)
    assert [*known, live.claim.taken_over] == [True, False]
    log: Any = api.get(f"/call/{live.id}/events").json
    found = [each for each in log if each["kind"].startswith("supervisor.")]
    assert [(each["kind"], each["data"]["cause"]) for each in found] == [
        ("supervisor.took-over", "asked"),
        ("supervisor.gave-back", "lost"),
    ]


@pytest.mark.parametrize("taken", [True, False])
def test_a_late_word_of_a_socket_that_another_has_replaced(live: Live, taken: bool) -> None:
    """It waited for the store, and the next socket tells who has the call."""
    first = live.claim
    live.lose()
    live.put_back(1)
    live.media.taken_over(live.claim, taken=not taken, cause="asked")
    known = live.kinds()
    live.media.taken_over(first, taken=taken, cause="asked")
    assert live.kinds() == known
