"""The links of a call (control, sound, recordings): what opens them, also while SECRET_KEY rotates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app import create_app
from app.settings import Settings
from app.wiring import Services
from providers.errors import Refused
from tests.conftest import SECRET_KEY
from tests.routes.api import Api
from tests.routes.recorded import recorded

pytestmark = pytest.mark.any_store  # the subject: tokens in URLs

NEW = "the new key of the tests"
Links = dict[str, str]
"""Kind of link -> the link."""


@pytest.fixture
def make(services: Services, api: Api, tmp_path: Path) -> Callable[[], Links]:
    """Makes a call with a recording, and gives its links."""

    def make() -> Links:
        call = recorded(services, api, tmp_path)
        monitor = call["monitor"]
        return {
            "control": monitor["controlUrl"],
            "listen": monitor["listenUrl"],
            "recording": call["recordingUrl"],
        }

    return make


@pytest.fixture
def links(make: Callable[[], Links]) -> Links:
    return make()


def opens(app: Flask, kind: str, link: str) -> bool:
    """Whether the link does what it is for, without an API key."""
    parts = urlsplit(link)
    target, stranger = f"{parts.path}?{parts.query}", Api(app, None)
    if kind == "control":
        return stranger.post(target, {"type": "end-call"}).status_code == 200
    if kind == "recording":
        return stranger.request("GET", target).status_code == 200
    try:
        app.extensions["patchbay"].media.find_monitor(parts.path.split("/")[2], token(link))
    except Refused:
        return False
    return True


def token(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


@pytest.mark.parametrize("kind", ["control", "listen", "recording"])
@pytest.mark.parametrize(
    ("keys", "live"),
    [
        ((SECRET_KEY,), True),
        ((SECRET_KEY, NEW), True),  # the new key is known everywhere before it signs
        ((NEW, SECRET_KEY), True),
        ((NEW,), False),  # the old key is out of force
    ],
)
def test_links_live_as_long_as_their_key_is_listed(
    settings: Settings, links: Links, kind: str, keys: tuple[str, ...], live: bool
) -> None:
    restarted = create_app(replace(settings, secret_keys=keys))
    assert opens(restarted, kind, links[kind]) is live


@pytest.mark.parametrize("kind", ["control", "listen", "recording"])
@pytest.mark.parametrize("others", ["control", "listen", "recording"])
def test_a_token_is_of_one_kind_and_one_call(
    app: Flask, make: Callable[[], Links], kind: str, others: str
) -> None:
    mine, theirs = make(), make()
    for taken in (theirs[others], *([mine[others]] if others != kind else [])):
        assert not opens(app, kind, mine[kind].replace(token(mine[kind]), token(taken)))
    assert opens(app, kind, mine[kind])


@pytest.mark.parametrize("kind", ["control", "listen", "recording"])
def test_a_changed_token_opens_nothing(app: Flask, links: Links, kind: str) -> None:
    right = token(links[kind])
    for wrong in (right[:-1] + ("1" if right[-1] == "0" else "0"), right[:-1], right + "0"):
        assert not opens(app, kind, links[kind].replace(right, wrong))
