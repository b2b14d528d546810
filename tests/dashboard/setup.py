"""An installation with an account at a carrier and one at a vendor, and its operator's browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.default_org import ORG_ID, create_default_org
from app.domain.login import sessions, tokens
from app.settings import CarrierSettings, VendorSettings
from app.wiring import Services
from bench.dashboard import fill
from bench.fresh import new_app, new_settings
from tests.dashboard.pages import csrf_of, enter
from tests.fakes.carriers.accounts import ACCOUNT, AUTH_TOKEN, TWILIO_NUMBER

SETTING_KEY = "the key of the setting"
VENDOR_KEY = "canary-of-the-environment"
NOWHERE = "http://127.0.0.1:1"
"""An address where nothing listens."""


class Operator:
    """A browser that is signed in to the installation's own organisation, and posts its forms."""

    def __init__(self, app: Flask, role: str = sessions.ACT) -> None:
        self.services: Services = app.extensions["patchbay"]
        self.client = app.test_client()
        link = tokens.new_link(self.services.context, ORG_ID, role)
        assert enter(self.client, link.partition("#")[2]).status_code == 303
        self._csrf = csrf_of(self.client)

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(f"/dashboard{path}")
        assert answer.status_code == status, (path, answer.status, answer.headers.get("Location"))
        return answer.text

    def post(self, path: str, **fields: Any) -> TestResponse:
        data = {"csrf": self._csrf, **fields}
        return self.client.post(f"/dashboard{path}", data=data)

    def part(self, path: str) -> TestResponse:
        """Post as the page's script does, which puts the answer into the page."""
        headers = {"HX-Request": "true", "X-CSRF": self._csrf}
        return self.client.post(f"/dashboard{path}", headers=headers)

    def done(self, path: str, **fields: Any) -> str:
        """Post what is accepted. The path that it leads to, below ``/dashboard``."""
        answer = self.post(path, **fields)
        assert answer.status_code == 303, (path, words(answer.text))
        return answer.headers["Location"].removeprefix("/dashboard")


@contextmanager
def filled(calls: int) -> Iterator[Flask]:
    """The organisation of ``bench.dashboard`` with so many calls."""
    with new_app() as app:
        fill(app, calls)
        yield app


@contextmanager
def installation(**changes: Any) -> Iterator[Flask]:
    """``changes``: of the settings."""
    account = {"accountSid": ACCOUNT, "authTokens": [AUTH_TOKEN]}
    carrier = CarrierSettings("twilio", account, TWILIO_NUMBER, api_url=NOWHERE)
    given = {
        "carriers": (carrier,),
        "vendors": (VendorSettings("openai", VENDOR_KEY, NOWHERE),),
        "api_key": SETTING_KEY,
        "public_url": NOWHERE,
        **changes,
    }
    with new_settings() as settings:
        app = create_app(replace(settings, **given))
        create_default_org(app.extensions["patchbay"].context)
        yield app
        app.extensions["patchbay"].store.close()


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)).strip()


def problems(answer: TestResponse) -> str:
    """The sentences of a refused form."""
    found = re.search(r'<div class="notice bad" role="alert">(.*?)</div>', answer.text, re.DOTALL)
    return words(found[1]) if found else ""
