"""Who gets in, how far, and for how long."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.login import sessions, tokens
from app.domain.login.enter import enter as enter_with
from app.domain.login.sessions import SECONDS
from app.routes.attempts import Attempts, Doors
from app.settings import Settings
from app.store import accounts
from app.store.vault import digest
from app.wiring import Services
from bench.dashboard import KEY, ORG
from tests.dashboard.pages import csrf_of, enter


@pytest.fixture(autouse=True)
def _unhurried(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of wrong secrets slow none of these."""
    monkeypatch.setattr(services, "doors", Doors())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def later(monkeypatch: pytest.MonkeyPatch, services: Services, seconds: float) -> None:
    """The application's clock goes on."""
    now = services.context.now() + timedelta(seconds=seconds)
    monkeypatch.setitem(services.context.__dict__, "now", lambda: now)


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard",
        "/dashboard/calls",
        "/dashboard/calls.csv",
        "/dashboard/live/x",
        "/dashboard/no",
    ],
)
def test_without_a_session_every_page_leads_to_the_login(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/dashboard/login?next=/dashboard")


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(client: FlaskClient) -> None:
    answer = client.get("/dashboard/calls/live", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/dashboard/login")


def test_a_key_opens_the_page_that_was_wanted(client: FlaskClient) -> None:
    answer = enter(client, KEY, next="/dashboard/calls?q=tea")
    assert answer.headers["Location"] == "/dashboard/calls?q=tea"
    cookie = answer.headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Strict", "Path=/dashboard", f"Max-Age={SECONDS['act']}"):
        assert word in cookie
    assert client.get("/dashboard/calls").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.com/",
        "//example.com",
        "/dashboard//example.com",
        "/dashboard/\\example.com",
    ],
)
def test_the_login_leads_to_no_other_site(client: FlaskClient, elsewhere: str) -> None:
    assert enter(client, KEY, next=elsewhere).headers["Location"] == "/dashboard/"


@pytest.mark.parametrize("secret", ["", "wrong", "wrong" * 1000, "é"])
def test_a_wrong_secret(client: FlaskClient, secret: str) -> None:
    answer = enter(client, secret)
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "No such API key" in answer.text


def test_wrong_secrets_are_slowed_as_those_of_the_api(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "doors", Doors(Attempts(lambda: 0.0)))
    address = {"REMOTE_ADDR": "192.0.2.7"}
    data = {"secret": "wrong"}
    answers = [client.post("/dashboard/login", data=data, environ_base=address) for _ in range(9)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    api = client.get("/call", headers={"Authorization": "Bearer no"}, environ_base=address)
    assert api.status_code == 429


def test_a_login_token_opens_once(app: Flask, services: Services) -> None:
    link = tokens.new_link(services.context, ORG, sessions.ACT)
    path, _, token = link.partition("#")
    assert path == f"{services.settings.public_url}/dashboard/login"
    assert enter(app.test_client(), token).status_code == 303
    assert enter(app.test_client(), token).status_code == 401


def test_a_login_token_is_for_an_hour(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.new_link(services.context, ORG, sessions.ACT).partition("#")[2]
    later(monkeypatch, services, tokens.LIFETIME.total_seconds() + 1)
    assert enter(client, token).status_code == 401


@pytest.mark.parametrize("role", SECONDS)
def test_a_session_ends(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    enter(client, tokens.new_link(services.context, ORG, role).partition("#")[2])
    text = client.get_cookie("patchbay_session", path="/dashboard")
    assert text is not None
    later(monkeypatch, services, SECONDS[role] + 1)
    assert sessions.opened(services.context, text.value) is None


def test_a_revoked_key_ends_its_sessions(client: FlaskClient, services: Services) -> None:
    row: dict[str, Any] = {"id": "another", "org_id": ORG, "name": "another", "prefix": "another"}
    row |= {"digest": digest("another key"), "created_at": services.context.now()}
    with services.store.write() as conn:
        accounts.insert_key(conn, row | {"revoked_at": None})
    enter(client, "another key")
    assert client.get("/dashboard/calls").status_code == 200
    with services.store.write() as conn:
        accounts.revoke_key(conn, "another", services.context.now())
    assert client.get("/dashboard/calls").status_code == 302


@pytest.mark.parametrize("text", ["", "x", "AAAA", "é", "A" * 4000])
def test_a_forged_cookie(client: FlaskClient, text: str) -> None:
    client.set_cookie("patchbay_session", text, path="/dashboard")
    assert client.get("/dashboard/calls").status_code == 302


def test_a_seal_of_another_purpose_is_no_session(services: Services) -> None:
    session = sessions.begin(services.context, ORG, sessions.ACT)
    sealed = sessions.sealed(services.context, session)
    assert sessions.opened(services.context, sealed) == session
    values = sessions.unseal(services.context, "session", sealed)
    assert sessions.opened(services.context, sessions.seal(services.context, "x", values)) is None


def test_signing_out(browser: FlaskClient) -> None:
    browser.post("/dashboard/logout")
    assert browser.get("/dashboard/calls").status_code == 302


# ------------------------------------------------------------------ acting


def test_a_post_needs_the_forms_token(browser: FlaskClient) -> None:
    assert browser.post("/dashboard/messages/resend").status_code == 403
    assert browser.post("/dashboard/messages/resend", data={"csrf": "x"}).status_code == 403
    csrf = csrf_of(browser)
    assert browser.post("/dashboard/messages/resend", data={"csrf": csrf}).status_code == 303
    headers = {"X-CSRF": csrf}
    assert browser.post("/dashboard/messages/resend", headers=headers).status_code == 303


def test_an_onlooker_may_look(onlooker: FlaskClient) -> None:
    assert "looks only" in onlooker.get("/dashboard/calls").text
    data = {"csrf": csrf_of(onlooker)}
    answer = onlooker.post("/dashboard/messages/resend", data=data)
    assert answer.status_code == 403
    assert "may look, not act" in answer.text


def test_another_site_cannot_sign_in_or_out(browser: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/dashboard/logout", headers=headers).status_code == 403
    assert (
        browser.post("/dashboard/login", data={"secret": KEY}, headers=headers).status_code == 403
    )
    assert browser.get("/dashboard/calls").status_code == 200


@pytest.mark.parametrize(
    ("url", "is_printed"), [("http://localhost:8000", True), ("https://calls.example.com", False)]
)
def test_a_local_start_prints_a_link(
    settings: Settings, capsys: pytest.CaptureFixture[str], url: str, is_printed: bool
) -> None:
    """The logs of a server have more readers than its owner."""
    started = Services(replace(settings, public_url=url, run_jobs=False))
    started.start()
    found = re.search(r"Dashboard .*/dashboard/login#(\S+)", capsys.readouterr().out)
    assert bool(found) is is_printed
    if found:
        assert enter_with(started.context, found[1])
    started.store.close()
