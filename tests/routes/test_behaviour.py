"""What of an assistant's behaviour never works is refused, and what has no effect is logged."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask

from app.domain.reporting.call_json import control_url
from app.wiring import Services
from tests.routes.api import Api, refused

pytestmark = pytest.mark.any_store  # the subject: which values are refused

REFUSED: dict[str, dict[str, Any]] = {
    "hooks.0.on must be one of": {"hooks": [{"on": "call.begun", "do": [{"type": "say"}]}]},
    "startSpeakingPlan.customEndpointingRules.0.regex is missing": {
        "startSpeakingPlan": {"customEndpointingRules": [{"type": "customer"}]}
    },
    "startSpeakingPlan.smartEndpointingPlan.waitFunction is not": {
        "startSpeakingPlan": {"smartEndpointingPlan": {"waitFunction": "x +"}}
    },
    "voice.chunkPlan.formatPlan.replacements.0.key is missing": {
        "voice": {"chunkPlan": {"formatPlan": {"replacements": [{"type": "exact"}]}}}
    },
    "backgroundSound": {"backgroundSound": "nowhere.mp3"},
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(api: Api, message: str) -> None:
    [told, *_] = refused(api.post("/assistant", {"name": "x", **REFUSED[message]}))
    assert told.startswith(message)


def test_in_a_call(api: Api) -> None:
    number = api.call()["phoneNumberId"]
    body = {"phoneNumberId": number, "phoneCallProviderBypassEnabled": True}
    answer = api.post("/call", {**body, "assistant": {"hooks": [3]}})
    assert refused(answer) == ["assistant.hooks.0 must be an object"]


def test_what_has_no_effect_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        api.made("/assistant", {"backchannelingEnabled": True, "backgroundSound": "office"})
    [line] = [text for text in caplog.messages if "backchannelingEnabled" in text]
    assert "without effect" in line


def test_control_that_is_switched_off(app: Flask, api: Api) -> None:
    """By the call's token it is refused; by a key the call can still be ended."""
    call = api.call(assistant={"monitorPlan": {"controlEnabled": False}})
    assert "controlUrl" not in call["monitor"]
    services: Services = app.extensions["patchbay"]
    path = f"/call/{call['id']}/control"
    own = f"{path}?{control_url(services.context, call['id']).partition('?')[2]}"
    assert Api(app, None).post(own, {"type": "end-call"}).status_code == 401
    assert api.post(path, {"type": "end-call"}).status_code == 200
