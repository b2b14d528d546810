"""The command against a stand-in of Vapi's API, in an organisation with a carrier's account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from app import default_org
from app.cli import imports
from app.cli import main as cli
from app.store.vault import new_token
from tests.cli.vapi.organisation import fill
from tests.fakes.vapi import KEY, FakeVapi, serving
from tests.routes.api import ACCOUNT, TOKEN, Api
from tests.routes.conftest import app

__all__ = ["app"]

Import = Callable[..., Result]


@pytest.fixture
def api(app: Flask) -> Api:
    """The organisation that the command imports into."""
    services = app.extensions["patchbay"]
    default_org.create_default_org(services.context)
    key = new_token()
    with services.store.write() as conn:
        default_org.add_key(services.context, conn, key, "tests")
    found = Api(app, key, default_org.ORG_ID)
    account = {"provider": "twilio", "accountSid": ACCOUNT, "authToken": TOKEN}
    found.made("/credential", account)
    return found


@pytest.fixture
def vapi(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVapi]:
    with serving() as running:
        fill(running)
        monkeypatch.setenv("VAPI_API_KEY", KEY)
        monkeypatch.setenv("VAPI_URL", running.url)
        yield running


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> Import:
    monkeypatch.setattr(imports, "_services", lambda: api.app.extensions["patchbay"])

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli.main, ["import", "vapi", *arguments])

    return invoke


def states(result: Result) -> dict[tuple[str, str], str]:
    """(Kind, name) -> state, of a report in JSON."""
    report: dict[str, Any] = json.loads(result.output)
    return {(each["kind"], each["name"]): each["state"] for each in report["objects"]}
