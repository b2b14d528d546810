"""Who is let in: keys in force only, as bearer or as basic's password, and no telling why not."""

from __future__ import annotations

import base64

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.routes.errors import INVALID_KEY
from app.store import accounts
from app.store.engine import Store
from app.wiring import Services
from tests.routes.api import UNKNOWN, Api, organisation

OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/static/<path:filename>",
    "/static/patchbay.js",
    "/static/patchbay-audio.js",
    "/hold-music/<int:seconds>.wav",
    "/web/<token>",
    "/upstream/<id>",
}
"""Paths without a key. The carriers' own are guarded by their signatures, the last two by a token."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def get(app: Flask, authorization: str | None) -> int:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return app.test_client().get("/call", headers=headers).status_code


KEY = "key:of=the+first/org=="

REFUSED: list[str | None] = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Bearer {KEY}x",
    f"Bearer {KEY[:-1]}",
    f"Token {KEY}",
    KEY,
    f"Bearer {KEY}, Bearer {KEY}",  # two headers, as a WSGI server joins them
    "Bearer \xff\xfe",
    basic(KEY, ""),  # the key is the password
    basic("", "wrong"),
    "Basic",
    "Basic !!!",
    basic("", KEY) + "!",  # no base64, though Python's decoder would skip the mark
    "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "Basic " + base64.b64encode(KEY.encode()).decode(),
    basic("", KEY).replace("Basic", "Digest"),
]


@pytest.mark.parametrize("authorization", REFUSED)
def test_refused(app: Flask, authorization: str | None) -> None:
    organisation(app, UNKNOWN, KEY)
    assert get(app, authorization) == 401


@pytest.mark.parametrize(
    "authorization", [f"Bearer {KEY}", f"bearer  {KEY} ", basic("", KEY), basic("user", KEY)]
)
def test_let_in(app: Flask, authorization: str) -> None:
    organisation(app, UNKNOWN, KEY)
    assert get(app, authorization) == 200


def test_the_answer_is_vapis_and_asks_for_a_key(app: Flask) -> None:
    answer = app.test_client().get("/call")
    assert answer.json == {"message": INVALID_KEY, "error": "Unauthorized", "statusCode": 401}
    assert "Basic" in answer.headers["WWW-Authenticate"]


def is_api(app: Flask, rule: Rule) -> bool:
    page = rule.rule == "/" or rule.rule.startswith("/dashboard/")  # they have a login of their own
    return not (page or rule.endpoint.startswith("hook ") or rule.rule in OPEN)


def test_every_route_of_the_api_wants_a_key(app: Flask) -> None:
    tried = 0
    for rule in filter(lambda rule: is_api(app, rule), app.url_map.iter_rules()):
        path = rule.rule.replace("<provider>", "twilio")
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", UNKNOWN)
        for method in rule.methods or ():
            answer = app.test_client().open(path, method=method, json={})
            if method != "OPTIONS":
                assert answer.status_code == 401, (method, path)
                tried += 1
    assert tried > 30


def test_a_revoked_key_is_refused_at_once(app: Flask, api: Api) -> None:
    assert api.get("/call").status_code == 200
    services: Services = app.extensions["patchbay"]
    elsewhere = Store(services.settings.database_url)  # as another process, such as the CLI
    with elsewhere.write() as conn:
        assert accounts.revoke_key(conn, api.org_id, services.context.now())
    elsewhere.close()
    assert api.get("/call").status_code == 401


def test_a_wrong_key_is_not_remembered(app: Flask) -> None:
    stranger = Api(app, "made later")
    assert stranger.get("/call").status_code == 401
    organisation(app, UNKNOWN, "made later")
    assert stranger.get("/call").status_code == 200


@pytest.fixture
def control(api: Api) -> str:
    """Path of a call's control URL, with its token."""
    return api.call()["monitor"]["controlUrl"].removeprefix("http://localhost:8000")


END = {"type": "end-call"}


def test_control_by_the_calls_own_token(app: Flask, control: str) -> None:
    assert Api(app, None).post(control, END).status_code == 200


def test_control_by_the_token_as_bearer(app: Flask, control: str) -> None:
    path, _, token = control.partition("?token=")
    assert Api(app, token).post(path, END).status_code == 200


def test_control_by_key(api: Api, control: str) -> None:
    answer = api.post(control.partition("?")[0], END)
    assert (answer.status_code, answer.json) == (200, {})


def test_control_by_nobody(app: Flask, api: Api, control: str) -> None:
    nobody, path = Api(app, None), control.partition("?")[0]
    assert nobody.post(path, END).status_code == 401
    assert nobody.post(f"{path}?token=wrong", END).status_code == 401
    assert Api(app, "wrong").post(path, END).status_code == 401
    assert nobody.post(f"/call/{UNKNOWN}/control?token=wrong", END).status_code == 401


def test_control_of_another_call(app: Flask, api: Api, control: str) -> None:
    another = api.call()["id"]
    token = control.partition("?")[2]
    assert Api(app, None).post(f"/call/{another}/control?{token}", END).status_code == 401


def test_control_of_another_organisation(other: Api, control: str) -> None:
    assert other.post(control.partition("?")[0], END).status_code == 404
