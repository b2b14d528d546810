"""Whole conversations by text: the carrier hears and speaks, and only the model is ours."""

from __future__ import annotations

from app.vendors.common.account import VendorAccount
from providers.events import EndedReason
from tests.clock import on_loop
from tests.fakes.carriers.twilio_relay import in_session
from tests.fakes.vendors.chat import Chat

GREETING = "Hello there, how may I help?"


def account(chat: Chat) -> dict[str, VendorAccount]:
    return {"openai": VendorAccount("key", f"{chat.url}/v1")}


@on_loop
async def test_a_conversation() -> None:
    async with (
        Chat("Surely, at eight.") as chat,
        in_session({"firstMessage": GREETING}, account(chat)) as session,
    ):
        await session.said(f"AI: {GREETING}")
        for said in ("A table, please.", "Thank you."):
            before = session.transcript.count("AI:")
            await session.say(said)
            await session.said(f"User: {said}")
            await session.until(lambda before=before: session.transcript.count("AI:") > before)
        await session.socket.close()
    kept = session.domain.kept["messages"]
    assert [each["role"] for each in kept] == ["bot", "user", "bot", "user", "bot"]
    assert session.lines == [GREETING, "Surely, at eight.", "Surely, at eight."]
    last = chat.asked[-1].body["messages"]
    assert [each["content"] for each in last if each["role"] != "system"] == [
        GREETING,
        "A table, please.",
        "Surely, at eight.",
        "Thank you.",
    ]
    assert [told[0] for told in session.domain.told if told[0] in ("stopped", "lost")] == ["stopped"]
    kinds = {item["type"] for item in session.domain.spent}
    assert kinds == {"model", "vapi"}  # no voice and no transcriber of ours
    assert session.domain.tapes == []
