"""An organisation as Vapi has it: an object of each kind, which refer to each other."""

from __future__ import annotations

from tests.fakes.vapi import FakeVapi
from tests.routes.api import ACCOUNT

TOOL, FILE = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
OUTPUT, DESK = "aaaaaaaa-0000-4000-8000-000000000003", "aaaaaaaa-0000-4000-8000-000000000004"
SQUAD, NUMBER = "aaaaaaaa-0000-4000-8000-000000000005", "aaaaaaaa-0000-4000-8000-000000000006"
VAPIS = "aaaaaaaa-0000-4000-8000-000000000007"
OPENAI, WEBHOOK = "aaaaaaaa-0000-4000-8000-000000000008", "aaaaaaaa-0000-4000-8000-000000000009"
DIGITS = "+14155550100"
HEADER = "a secret of a header"


def fill(vapi: FakeVapi) -> None:
    vapi.add("/credential", OPENAI, provider="openai", name="Our OpenAI")
    vapi.add("/credential", WEBHOOK, provider="webhook", name="Our server")
    vapi.add_file(FILE, "opening hours.txt", b"We open at nine. We close at five.")
    vapi.add(
        "/tool",
        TOOL,
        type="function",
        function={"name": "book", "parameters": {"type": "object", "properties": {}}},
        server={"url": "https://client.example/tools", "headers": {"X-Key": HEADER}},
        rejectionPlan={"conditions": []},
    )
    vapi.add(
        "/structured-output",
        OUTPUT,
        name="Outcome",
        type="ai",
        schema={"type": "object", "properties": {"booked": {"type": "boolean"}}},
        assistantIds=[DESK],
    )
    vapi.add(
        "/assistant",
        DESK,
        name="Desk",
        firstMessage="Desk speaking.",
        model={
            "provider": "openai",
            "model": "gpt-4o-mini",
            "toolIds": [TOOL],
            "knowledgeBase": {"provider": "canonical", "fileIds": [FILE]},
        },
        voice={"provider": "vapi", "voiceId": "Elliot"},
        artifactPlan={"structuredOutputIds": [OUTPUT], "videoRecordingEnabled": True},
        credentialIds=[OPENAI],
        serverUrl="https://client.example/vapi",
        isServerUrlSecretSet=True,
    )
    vapi.add("/squad", SQUAD, name="Both", members=[{"assistantId": DESK}])
    vapi.add(
        "/phone-number",
        NUMBER,
        provider="twilio",
        number=DIGITS,
        twilioAccountSid=ACCOUNT,
        twilioAuthToken="f" * 32,
        name="Main line",
        status="active",
        assistantId=DESK,
        hooks=[{"on": "call.ringing", "do": [{"type": "say", "exact": "Closed."}]}],
    )
    vapi.add("/phone-number", VAPIS, provider="vapi", number="+14155550101", assistantId=DESK)
