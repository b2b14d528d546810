"""The route for the messages of an upstream: a token of the call opens it, and nothing else does."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from app.domain.legs.upstream import messages_url
from app.wiring import Services
from tests.routes.api import UNKNOWN, Api, refused

HANG = {"message": {"type": "hang", "call": {"id": "theirs"}}}


@pytest.fixture
def path(api: Api) -> str:
    services: Services = api.app.extensions["patchbay"]
    url = urlsplit(messages_url(services.context, api.call()["id"]))
    return f"{url.path}?{url.query}"


def test_the_token_is_enough(api: Api, path: str) -> None:
    stranger = Api(api.app, None)
    assert stranger.post(path, HANG).json == {}
    assert "message.type" in refused(stranger.post(path, {"message": {}}))


@pytest.mark.parametrize("query", ["", "?token=", "?token=00", f"?token={'0' * 64}"])
def test_who_has_none_is_refused(api: Api, path: str, query: str) -> None:
    refused(api.post(path.partition("?")[0] + query, HANG), 401)


def test_a_token_of_another_call(api: Api, path: str) -> None:
    other = path.replace(path.split("/")[2].partition("?")[0], UNKNOWN)
    refused(api.post(other, HANG), 401)
