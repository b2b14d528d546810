"""Who may listen to a call, and where it is heard."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.domain.calls.facts import MonitorEndpoint
from app.wiring import Services
from providers.errors import Refused
from tests.fakes.carriers.legs import Leg, Live
from tests.routes.api import UNKNOWN, Api

HERE = MonitorEndpoint("here", "/somewhere")


@pytest.fixture(autouse=True)
def services(app: Flask) -> Services:
    """A process whose calls are heard at ``HERE``."""
    found: Services = app.extensions["patchbay"]
    found.media.endpoint = HERE
    return found


def token_of(call: dict[str, Any]) -> str:
    return parse_qs(urlsplit(call["monitor"]["listenUrl"]).query)["token"][0]


def test_a_live_call_is_heard_where_its_socket_is(live: Live, services: Services) -> None:
    url = urlsplit(live.call["monitor"]["listenUrl"])
    assert (url.scheme, url.path) == ("ws", f"/listen/{live.id}")
    assert services.media.find_monitor(live.id, token_of(live.call)) == HERE


def test_a_socket_that_is_replaced_is_heard_elsewhere(live: Live, services: Services) -> None:
    there = services.media.endpoint = MonitorEndpoint("there", "/else")
    live.lose()
    live.put_back(1)
    assert services.media.find_monitor(live.id, token_of(live.call)) == there


def test_a_call_nobody_is_in_is_heard_nowhere(api: Api, services: Services) -> None:
    call = api.call()
    assert services.media.find_monitor(call["id"], token_of(call)) is None


def test_a_call_that_is_over_has_no_url(live: Live, services: Services) -> None:
    token = token_of(live.call)
    live.end()
    assert "listenUrl" not in live.call["monitor"]
    assert services.media.find_monitor(live.id, token) is None


@pytest.mark.parametrize(
    "assistant",
    [
        # its owner does not want it
        {"monitorPlan": {"listenEnabled": False}},
        # its own sound goes past us
        {"transport": {"provider": "stream", "url": "ws://localhost:1"}},
    ],
)
def test_a_call_that_cannot_be_listened_to(api: Api, assistant: dict[str, Any]) -> None:
    assert "listenUrl" not in api.call(assistant=assistant)["monitor"]


def test_the_token_is_this_calls(api: Api, leg: Leg, live: Live, services: Services) -> None:
    other = Live(api, type(leg)(leg.app))
    control = parse_qs(urlsplit(live.call["monitor"]["controlUrl"]).query)["token"][0]
    for call_id, token in [
        (live.id, token_of(other.call)),
        (live.id, control),
        (live.id, ""),
        (UNKNOWN, token_of(live.call)),
        (live.id, "schlüssel"),
    ]:
        with pytest.raises(Refused):
            services.media.find_monitor(call_id, token)


def test_a_call_that_is_deleted(live: Live, services: Services) -> None:
    """Deleted: the token opens nothing any more."""
    token = token_of(live.call)
    live.api.delete(f"/call/{live.id}")
    with pytest.raises(Refused):
        services.media.find_monitor(live.id, token)
