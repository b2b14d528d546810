"""ACCESS_LOG: a line for each request, without what its path and query hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app import create_app
from app.settings import Settings
from tests.routes.api import Api, organisation

pytestmark = pytest.mark.any_store  # the subject: the log

ORG, KEY = "0190a5e0-0000-7000-8000-000000000001", "a key of the tests of the access log"


def an_api(settings: Settings) -> Api:
    app = create_app(settings)
    app.extensions["patchbay"].upgrade()
    return organisation(app, ORG, KEY)


def test_a_request_is_a_line(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "app.routes.access_log")
    api = an_api(replace(settings, access_log=True))
    api.get("/call/secret-not-a-uuid")
    api.get("/nowhere/secret")
    api.app.test_client().post("/twilio/status/secret", data={"CallSid": "CA1"})
    lines = [r.getMessage() for r in caplog.records if r.name == "app.routes.access_log"]
    assert [line.rpartition(" in ")[0] for line in lines] == [
        "GET /call/<id> 400",
        "GET (no route) 404",
        "POST /twilio/status/<token> 403",
    ]
    assert "secret" not in "".join(lines)


def test_it_is_off_by_default(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    an_api(settings).get("/call")
    assert not [r for r in caplog.records if r.name == "app.routes.access_log"]
