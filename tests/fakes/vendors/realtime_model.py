"""OpenAI's ``/realtime?model=``: a session that hears and speaks, without its own turn detection.

It refuses what OpenAI refuses, with OpenAI's codes.
https://platform.openai.com/docs/api-reference/realtime-client-events
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.speech_to_speech import (
    PACE_SECONDS,
    TEXT_SECONDS,
    Session,
    SpeechToSpeech,
    spoken,
)

KEY = "key"
MODELS = re.compile(r"gpt-(4o-(mini-)?)?realtime(-.*)?")
THINKS = re.compile(r"gpt-realtime-2(?!0)")
VOICES = {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"}
SESSION = {
    *("type", "output_modalities", "instructions", "audio", "tools", "tool_choice"),
    *("max_output_tokens", "reasoning", "model", "include", "prompt", "tracing", "truncation"),
}
RESPONSE = {
    *("output_modalities", "instructions", "audio", "tools", "tool_choice", "input"),
    *("max_output_tokens", "conversation", "metadata", "reasoning", "prompt"),
}
INPUT = {"format", "turn_detection", "transcription", "noise_reduction"}
OUTPUT = {"format", "voice", "speed"}
ITEMS = {"message", "function_call", "function_call_output"}
CONTENTS = {"user": "input_text", "system": "input_text", "assistant": "output_text"}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LEAST_SECONDS = 0.1
"""Of sound in a turn that is committed."""
TOKENS_PER_SECOND = 20

_numbers = itertools.count(1)


def new_id(kind: str) -> str:
    return f"{kind}_{next(_numbers):08}"


class RealtimeModel(SpeechToSpeech):
    """OpenAI's model."""

    def refused(self, asked: Asked) -> web.Response | None:
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            error = {"message": "Incorrect API key provided.", "code": "invalid_api_key"}
            return web.json_response({"error": error}, status=401)
        if "OpenAI-Beta" in asked.headers:
            return web.json_response({"error": {"code": "beta_api_shape_disabled"}}, status=400)
        if asked.path != "/v1/realtime":
            return web.Response(status=404)
        return None

    def session(
        self, socket: web.WebSocketResponse, request: web.Request, asked: Asked
    ) -> Conversation:
        return Conversation(self, socket, request, asked)


@dataclass
class Active:
    """A response in progress."""

    id: str
    task: asyncio.Task[None] | None = None
    said: float = 0.0
    """Seconds of sound."""


@dataclass
class Conversation(Session):
    """One session."""

    config: dict[str, Any] = field(default_factory=dict)
    active: Active | None = None
    sounds: dict[str, float] = field(default_factory=dict)
    """Items with sound, and its seconds."""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    truncated: dict[str, int] = field(default_factory=dict)
    """Items of which the caller did not hear everything -> the heard milliseconds."""
    calls: set[str] = field(default_factory=set)
    """Tools that were called and have no result."""
    spoke: bool = False

    async def greet(self) -> None:
        model = self.asked.query.get("model", "")
        if not MODELS.fullmatch(model) or "nowhere" in model:
            error = {"type": "invalid_request_error", "code": "model_not_found"}
            error["message"] = (
                f"The model `{model}` does not exist or you do not have access to it."
            )
            await self.event("error", error=error)
            await self.socket.close(code=4000, message=b"invalid_request_error.model_not_found")
            return
        await self.event("session.created", session={"type": "realtime", "model": model})

    async def event(self, kind: str, **more: Any) -> None:
        await self.say({"type": kind, "event_id": new_id("event"), **more})

    async def take(self, told: dict[str, Any]) -> None:
        taker = TAKERS.get(told.get("type", ""))
        if taker is None:
            await self.refuse(told, "invalid_value", f"Invalid value: {told.get('type')}")
        else:
            await getattr(self, taker)(told)

    async def refuse(self, told: dict[str, Any], code: str, why: str) -> None:
        self.complaints.append(f"{told.get('type')}: {code}: {why}")
        error = {"type": "invalid_request_error", "code": code, "message": why, "param": None}
        await self.event("error", error={**error, "event_id": told.get("event_id")})

    # -- the session

    async def update(self, told: dict[str, Any]) -> None:
        session = told["session"]
        if why := self._wrong(session):
            await self.refuse(told, *why)
            return
        for name, value in session.items():
            self.config[name] = value
        await self.event("session.updated", session={"type": "realtime", **self.config})

    def _wrong(self, session: dict[str, Any]) -> tuple[str, str] | None:
        if session.get("type") != "realtime":
            return "missing_required_parameter", "Missing required parameter: 'session.type'."
        if unknown := set(session) - SESSION:
            return "unknown_parameter", f"Unknown parameter: 'session.{unknown.pop()}'."
        if session.get("output_modalities", ["audio"]) not in (["audio"], ["text"]):
            return "invalid_value", "Invalid modalities"
        audio = session.get("audio", {})
        for side, known in (("input", INPUT), ("output", OUTPUT)):
            if unknown := set(audio.get(side, {})) - known:
                return "unknown_parameter", f"Unknown parameter: 'session.audio.{side}.{unknown}'."
            form = audio.get(side, {}).get("format", {"type": "audio/pcmu"})
            if form not in (
                {"type": "audio/pcmu"},
                {"type": "audio/pcma"},
                {"type": "audio/pcm", "rate": 24000},
            ):
                return "invalid_value", f"Invalid format {form}"
        voice = audio.get("output", {}).get("voice")
        if voice is not None and voice not in VOICES:
            return "invalid_value", f"Invalid value: '{voice}'. Supported values are: 'alloy'."
        if voice is not None and self.spoke:
            return "cannot_update_voice", "Cannot update a conversation's voice."
        speed = audio.get("output", {}).get("speed", 1.0)
        if not 0.25 <= speed <= 1.5:
            return "decimal_above_max_value", "Invalid 'session.audio.output.speed'."
        if "reasoning" in session and not THINKS.match(self.asked.query["model"]):
            return "unknown_parameter", "Unknown parameter: 'session.reasoning'."
        for tool in session.get("tools", []):
            if tool.get("type") != "function" or not NAME.fullmatch(tool.get("name", "")):
                return "invalid_value", f"Invalid tool {tool.get('name')}"
            if set(tool) - {"type", "name", "description", "parameters"}:
                return "unknown_parameter", "Unknown parameter: 'session.tools[0]'."
        return None

    def is_mulaw(self, side: str) -> bool:
        form = self.config.get("audio", {}).get(side, {}).get("format", {})
        return bool(form.get("type") == "audio/pcmu")

    def rate(self, side: str) -> int:
        return 8000 if self.is_mulaw(side) else 24_000

    # -- the caller

    async def append(self, told: dict[str, Any]) -> None:
        try:
            sound = base64.b64decode(told["audio"], validate=True)
        except (ValueError, KeyError):
            await self.refuse(told, "invalid_value", "Invalid 'audio'. Expected base64.")
            return
        self.heard += mulaw_to_pcm(sound) if self.is_mulaw("input") else sound

    async def clear(self, told: dict[str, Any]) -> None:
        self.heard.clear()
        await self.event("input_audio_buffer.cleared")

    async def commit(self, told: dict[str, Any]) -> None:
        rate = self.rate("input")
        if len(self.heard) / 2 / rate < LEAST_SECONDS:
            await self.refuse(
                told, "input_audio_buffer_commit_empty", "buffer too small. Expected at least 100ms"
            )
            return
        item = new_id("item")
        self.items[item] = {"type": "message", "role": "user"}
        await self.event("input_audio_buffer.committed", item_id=item)
        await self.event("conversation.item.added", item={"id": item, **self.items[item]})
        if self.config.get("audio", {}).get("input", {}).get("transcription"):
            self.beside(self.understand(item, self.text(rate)))

    async def understand(self, item: str, text: str) -> None:
        kind = "conversation.item.input_audio_transcription"
        await asyncio.sleep(TEXT_SECONDS / 2)
        common = {"item_id": item, "content_index": 0}
        if text:
            await self.event(f"{kind}.delta", **common, delta=text[: len(text) // 2])
        await asyncio.sleep(TEXT_SECONDS / 2)
        await self.event(f"{kind}.completed", **common, transcript=text)

    # -- items

    async def create_item(self, told: dict[str, Any]) -> None:
        item = dict(told["item"])
        if item.get("type") not in ITEMS:
            await self.refuse(told, "invalid_value", f"Invalid item {item.get('type')}")
            return
        if item["type"] == "function_call_output":
            if item.get("call_id") not in self.calls or not isinstance(item.get("output"), str):
                await self.refuse(told, "invalid_tool_call_id", "Tool call ID not found")
                return
            self.calls.discard(item["call_id"])
        if item["type"] == "message":
            wanted = CONTENTS.get(item.get("role", ""))
            if any(part.get("type") != wanted for part in item.get("content", [{}])):
                await self.refuse(told, "invalid_value", f"Invalid content of {item.get('role')}")
                return
        item.setdefault("id", new_id("item"))
        self.items[item["id"]] = item
        await self.event("conversation.item.added", item=item)

    async def truncate(self, told: dict[str, Any]) -> None:
        item, until = told.get("item_id", ""), told.get("audio_end_ms")
        if item not in self.sounds:
            await self.refuse(told, "item_truncate_invalid_item_id", f"Item {item} not found")
            return
        if not isinstance(until, int) or until < 0 or until > self.sounds[item] * 1000 + 1:
            have = round(self.sounds[item] * 1000)
            why = f"Audio content of {have}ms is already shorter than {until}ms"
            await self.refuse(told, "invalid_value", why)
            return
        self.truncated[item] = until
        await self.event(
            "conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=until
        )

    # -- responses

    async def respond(self, told: dict[str, Any]) -> None:
        if self.active is not None:
            await self.refuse(
                told,
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.active.id}.",
            )
            return
        wanted = told.get("response", {})
        if unknown := set(wanted) - RESPONSE:
            await self.refuse(told, "unknown_parameter", f"Unknown parameter: {unknown}")
            return
        if self.breaks_off():
            return
        active = self.active = Active(new_id("resp"))
        await self.event("response.created", response={"id": active.id, "status": "in_progress"})
        refused = self.vendor.refuses
        if refused is not None:
            await self.done(active, "failed", [], {"type": "failed", "error": refused})
            return
        if wanted.get("input") == [] and "instructions" in wanted:
            reply: Any = wanted["instructions"].split("\n\n", 1)[1]  # it says what it is told
        else:
            reply = self.vendor.next_reply()
        work = self.speak(active, reply) if isinstance(reply, str) else self.call(active, reply)
        active.task = self.beside(work)

    async def speak(self, active: Active, text: str) -> None:
        await asyncio.sleep(self.vendor.delay)
        item = new_id("item")
        common = {"response_id": active.id, "item_id": item, "output_index": 0, "content_index": 0}
        added = {"id": item, "type": "message", "role": "assistant", "content": []}
        self.items[item], self.sounds[item] = added, 0.0
        await self.event("response.output_item.added", response_id=active.id, item=added)
        await self.event("conversation.item.added", item=added)
        rate, mulaw = self.rate("output"), self.is_mulaw("output")
        self.spoke = True
        for pcm, words in spoken(text, rate):
            if words:
                await self.event("response.output_audio_transcript.delta", **common, delta=words)
            data = pcm_to_mulaw(pcm) if mulaw else pcm
            self.sounds[item] += len(pcm) / 2 / rate
            active.said += len(pcm) / 2 / rate
            sound = base64.b64encode(data).decode()
            await self.event("response.output_audio.delta", **common, delta=sound)
            await asyncio.sleep(PACE_SECONDS)
        await self.event("response.output_audio.done", **common)
        await self.event("response.output_audio_transcript.done", **common, transcript=text)
        await self.done(active, "completed", [{**added, "status": "completed"}])

    async def call(self, active: Active, reply: list[tuple[str, dict[str, Any]]]) -> None:
        await asyncio.sleep(self.vendor.delay)
        output = list[dict[str, Any]]()
        for name, arguments in reply:
            call = {"id": new_id("item"), "type": "function_call", "call_id": new_id("call")}
            call |= {"name": name, "arguments": json.dumps(arguments)}
            self.calls.add(call["call_id"])
            await self.event("response.output_item.added", response_id=active.id, item=call)
            await self.event("conversation.item.added", item={**call, "arguments": ""})
            await self.event(
                "response.function_call_arguments.done",
                response_id=active.id,
                item_id=call["id"],
                call_id=call["call_id"],
                arguments=call["arguments"],
            )
            output.append(call)
        await self.done(active, "completed", output)

    async def done(
        self,
        active: Active,
        status: str,
        output: list[dict[str, Any]],
        details: dict[str, Any] | None = None,
    ) -> None:
        self.active = None
        sound = round(active.said * TOKENS_PER_SECOND)
        usage = {
            "total_tokens": 160 + sound + 20,
            "input_tokens": 160,
            "output_tokens": sound + 20,
            "input_token_details": {
                "text_tokens": 100,
                "audio_tokens": 60,
                "cached_tokens": 40,
                "cached_tokens_details": {"text_tokens": 30, "audio_tokens": 10},
            },
            "output_token_details": {"text_tokens": 20, "audio_tokens": sound},
        }
        response = {
            "id": active.id,
            "status": status,
            "status_details": details,
            "output": output,
            "usage": None if status == "failed" else usage,
        }
        await self.event("response.done", response=response)

    async def cancel(self, told: dict[str, Any]) -> None:
        active = self.active
        if active is None or told.get("response_id", active.id) != active.id:
            await self.refuse(told, "response_cancel_not_active", "no active response found")
            return
        if active.task is not None:
            active.task.cancel()
        await self.done(
            active, "cancelled", [], {"type": "cancelled", "reason": "client_cancelled"}
        )


TAKERS: dict[str, str] = {
    "session.update": "update",
    "input_audio_buffer.append": "append",
    "input_audio_buffer.commit": "commit",
    "input_audio_buffer.clear": "clear",
    "conversation.item.create": "create_item",
    "conversation.item.truncate": "truncate",
    "response.create": "respond",
    "response.cancel": "cancel",
}
"""The method that takes each message. By name: a bench has its own."""
