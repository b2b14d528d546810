"""Requests of Vapi's own programs, as they came from them unmodified, answered by the whole application.

``recorded/gitops.json``: pull, push and apply of VapiAI/gitops. ``recorded/mcp_server.json``: every tool of
``@vapi-ai/mcp-server``, and a scheduled call. ``{tool-1}`` stands for the id of what a step has made.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.routes.api import TWILIO_NUMBER, Api, organisation

pytestmark = pytest.mark.any_store  # the subject: the API's shapes

RECORDED = Path(__file__).parent / "recorded"
PROGRAMS = sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_request_is_answered_as_then(app: Flask, program: str) -> None:
    api = organisation(app, "11111111-1111-4111-8111-111111111111", "key of the organisation")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = {"number": api.made("/phone-number", TWILIO_NUMBER)["id"], "tomorrow": tomorrow}
    for step in json.loads((RECORDED / f"{program}.json").read_text()):
        answer = ask(api, step, made)
        assert answer.status_code == step["status"], (step["path"], answer.text)
        if name := step.get("makes"):
            made[name] = answer.json["id"]


def ask(api: Api, step: dict[str, Any], made: dict[str, str]) -> Any:
    text = json.dumps([step["path"], step.get("body")])
    for name, known in made.items():
        text = text.replace(f"{{{name}}}", known)
    path, body = json.loads(text)
    return api.request(step["method"], path, **({"json": body} if body is not None else {}))
