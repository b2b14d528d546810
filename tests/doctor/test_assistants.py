"""What the doctor says of the stored assistants, and of ASSISTANT_ID."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.doctor import assistants
from app.wiring import Services
from tests.routes.api import Api

pytestmark = pytest.mark.any_store  # the subject: what the doctor says

MODEL = {"model": {"provider": "openai", "model": "gpt-4o"}}
KEY = {"credentials": [{"provider": "openai", "apiKey": "k"}]}
HEARS = {"transcriber": {"provider": "embedded"}, "voice": {"provider": "embedded"}}
NUMBER = {
    "provider": "twilio",
    "number": "+14155550100",
    "twilioAccountSid": "AC" + "0" * 32,
    "twilioAuthToken": "token",
}


def said(app: Flask, **changes: Any) -> list[str]:
    services: Services = app.extensions["patchbay"]
    settings = replace(services.settings, **changes)
    context = replace(services.context, settings=settings)
    return [str(finding) for finding in assistants.check(context)]


def test_without_assistants_nothing_is_said(app: Flask) -> None:
    assert said(app) == []


def test_one_that_can_answer(app: Flask, api: Api) -> None:
    api.made("/assistant", {**MODEL, **KEY, **HEARS})
    assert said(app) == ["ok     assistants: calls of each can begin (1 checked)"]


@pytest.mark.parametrize(("used", "level"), [(False, "note   "), (True, "ERROR  ")])
def test_one_without_a_key(app: Flask, api: Api, used: bool, level: str) -> None:
    """Overrides may bring what is missing. A number's calls have none."""
    id = api.made("/assistant", {**MODEL, **HEARS})["id"]
    if used:
        api.made("/phone-number", {**NUMBER, "assistantId": id})
    [line] = said(app)
    assert line.startswith(f"{level}assistant {id} cannot answer: model")
    assert "openai" in line


def test_the_setting_names_a_stored_one(app: Flask, api: Api) -> None:
    id = api.made("/assistant", {**MODEL, **KEY, **HEARS})["id"]
    assert [line[:3] for line in said(app, assistant_id=id)] == ["ok "]
    other = "0d1f9a5e-7a53-4c8e-9d6f-2f3c0c1f7a11"
    assert said(app, assistant_id=other)[0].startswith(f"ERROR  ASSISTANT_ID is {other}, and no")


def test_lines_are_bounded(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistants, "MOST_LINES", 1)
    for _ in range(3):
        api.made("/assistant", {**MODEL, **HEARS})
    assert said(app)[1:] == ["note   2 more assistants cannot answer"]
