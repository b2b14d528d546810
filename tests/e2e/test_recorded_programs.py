"""Requests of clients' own programs, as they come from them unmodified, answered by a whole bridge.

``tests/sdk/recorded`` has a file each. ``gitops.json``: pull, push and apply of VapiAI/gitops.
``mcp_server.json``: every tool of ``@vapi-ai/mcp-server``, and a scheduled call. ``better_vapi.json``:
every command of better-vapi-cli. ``{tool-1}`` stands for the id of what a step has made.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bridge import KEY, Bridge

pytestmark = pytest.mark.any_store  # the subject: the API's shapes

RECORDED = Path(__file__).parents[1] / "sdk" / "recorded"
PROGRAMS = sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_request_is_answered_as_then(bridge: Bridge, program: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = {"number": bridge.number_id("twilio"), "tomorrow": tomorrow}
    for step in json.loads((RECORDED / f"{program}.json").read_text()):
        status, answer = ask(bridge, step, made)
        assert status == step["status"], (step["method"], step["path"], answer)
        if name := step.get("makes"):
            made[name] = answer["id"]


def ask(bridge: Bridge, step: dict[str, Any], made: dict[str, str]) -> tuple[int, Any]:
    text = json.dumps([step["path"], step.get("body")])
    for name, known in made.items():
        text = text.replace(f"{{{name}}}", known)
    path, body = json.loads(text)
    if "upload" in step:
        return upload(bridge, path, **step["upload"])
    return bridge.ask(step["method"], path, body)


def upload(bridge: Bridge, path: str, name: str, text: str) -> tuple[int, Any]:
    """A file as a form of several parts."""
    answer = bridge.http.request(
        "POST",
        bridge.url + path,
        fields={"file": (name, text, "application/octet-stream")},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    return answer.status, json.loads(answer.data)
