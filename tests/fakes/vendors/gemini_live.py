"""Gemini Live: ``BidiGenerateContent``, a session that hears and speaks, with turns by the client.

It closes the socket on what Google refuses, with Google's codes. https://ai.google.dev/api/live
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.speech_to_speech import (
    PACE_SECONDS,
    TEXT_SECONDS,
    Session,
    SpeechToSpeech,
    spoken,
)

KEY = "key"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
RATE = 24_000
SETUP = {
    *("model", "generationConfig", "systemInstruction", "tools", "realtimeInputConfig"),
    *("sessionResumption", "contextWindowCompression", "inputAudioTranscription"),
    *("outputAudioTranscription", "proactivity", "historyConfig"),
}
GENERATION = {
    *("candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "presencePenalty"),
    *("frequencyPenalty", "responseModalities", "speechConfig", "mediaResolution"),
    *("thinkingConfig", "enableAffectiveDialog"),
}
DECLARATION = {"name", "description", "parameters", "parametersJsonSchema", "behavior", "response"}
KINDS = {"setup", "clientContent", "realtimeInput", "toolResponse"}
MIME = re.compile(r"audio/pcm;rate=(\d+)")
SAY = re.compile(r"Say the following text.*?\n\n(.*)", re.DOTALL)
TOKENS_PER_SECOND = 25

_numbers = itertools.count(1)


class GeminiLive(SpeechToSpeech):
    """Google's model."""

    leaves: bool = False
    """It says goodbye behind the next turn, and closes the socket; the session may be resumed."""

    def refused(self, asked: Asked) -> web.Response | None:
        if asked.path != PATH:
            return web.Response(status=404)
        return None

    def session(
        self, socket: web.WebSocketResponse, request: web.Request, asked: Asked
    ) -> Conversation:
        return Conversation(self, socket, request, asked)


@dataclass
class Conversation(Session):
    """One session."""

    vendor: GeminiLive
    setup: dict[str, Any] = field(default_factory=dict)
    active: bool = False
    """The client's turn is open."""
    texts: list[str] = field(default_factory=list)
    generating: asyncio.Task[None] | None = None
    calls: dict[str, str] = field(default_factory=dict)
    """Tools that it waits for: id -> name."""
    results: list[Any] = field(default_factory=list)
    """What the tools answered."""
    rate: int = 16_000

    async def greet(self) -> None:
        if self.asked.headers.get("x-goog-api-key", self.asked.query.get("key")) != KEY:
            await self.close(1007, "API key not valid. Please pass a valid API key.")

    async def close(self, code: int, reason: str) -> None:
        self.complaints.append(reason)
        await self.socket.close(code=code, message=reason[:120].encode())

    async def take(self, told: dict[str, Any]) -> None:
        kinds = set(told)
        if len(kinds) != 1 or not kinds <= KINDS:
            await self.close(1007, f"Invalid JSON payload received. Unknown name {kinds}")
        elif not self.setup and kinds != {"setup"}:
            await self.close(1007, "setup must be the first message and only the first")
        elif "setup" in told:
            await self.open(told["setup"])
        elif "realtimeInput" in told:
            await self.hear(told["realtimeInput"])
        elif "toolResponse" in told:
            await self.answered(told["toolResponse"]["functionResponses"])
        else:
            await self.close(1007, "Request contains an invalid argument.")

    async def open(self, setup: dict[str, Any]) -> None:
        why = self._wrong(setup)
        if self.setup:
            why = "setup must be the first message and only the first"
        if why:
            await self.close(1007, why)
            return
        if "nowhere" in setup["model"]:
            why = f"{setup['model']} is not found for API version v1beta, or is not supported"
            await self.close(1008, why)
            return
        self.setup = setup
        await self.say({"setupComplete": {}})
        update = {"newHandle": f"handle-{next(_numbers)}", "resumable": True}
        await self.say({"sessionResumptionUpdate": update})

    def _wrong(self, setup: dict[str, Any]) -> str:
        if unknown := set(setup) - SETUP:
            return f"Unknown name {unknown} at 'setup'"
        if not setup.get("model", "").startswith("models/"):
            return "model is not specified"
        config = setup.get("generationConfig", {})
        if unknown := set(config) - GENERATION:
            return f"Unknown name {unknown} at 'setup.generation_config'"
        if config.get("responseModalities") != ["AUDIO"]:
            return "Cannot extract voices from a non-audio request."
        disabled = setup.get("realtimeInputConfig", {}).get("automaticActivityDetection", {})
        if not disabled.get("disabled"):
            return "this stand-in has no detection of its own"
        for tool in setup.get("tools", []):
            for each in tool["functionDeclarations"]:
                if unknown := set(each) - DECLARATION:
                    return f"Unknown name {unknown} at 'setup.tools[0]'"
                if "parameters" in each and not each["parameters"].get("properties"):
                    return "parameters.properties: should be non-empty for OBJECT type"
        return ""

    # -- the client's turn

    async def hear(self, told: dict[str, Any]) -> None:
        if "activityStart" in told:
            if self.active:
                await self.close(1007, "Precondition check failed: activity is active")
                return
            self.active = True
            await self.interrupt()
        elif "activityEnd" in told:
            if not self.active:
                await self.close(1007, "Precondition check failed: no activity")
                return
            self.active = False
            await self.turn()
        elif not self.active:
            self.complaints.append(f"outside of an activity: {set(told)}")
        elif "text" in told:
            self.texts.append(told["text"])
        elif "audio" in told:
            kind = MIME.fullmatch(told["audio"]["mimeType"])
            if kind is None:
                await self.close(1007, "Unsupported MIME type")
                return
            self.rate = int(kind[1])
            self.heard += base64.b64decode(told["audio"]["data"], validate=True)

    async def interrupt(self) -> None:
        working, self.generating = self.generating, None
        if working is None and not self.calls:
            return
        if working is not None:
            working.cancel()
        if self.calls:
            ids, self.calls = list(self.calls), {}
            await self.say({"toolCallCancellation": {"ids": ids}})
        await self.say({"serverContent": {"interrupted": True}})
        await self.say({"serverContent": {"turnComplete": True}})

    async def turn(self) -> None:
        if self.breaks_off():
            return
        texts, self.texts = self.texts, []
        told = next((found[1] for text in texts if (found := SAY.match(text))), None)
        heard = self.text(self.rate) if self.heard else ""
        self.generating = self.beside(self.generate(told, heard))

    async def generate(self, told: str | None, heard: str) -> None:
        await asyncio.sleep(self.vendor.delay)
        if heard:
            self.beside(self.understand(heard))
        refused = self.vendor.refuses
        if refused is not None:
            await self.close(refused["code"], refused["reason"])
            return
        reply: Any = told if told is not None else self.vendor.next_reply()
        if not isinstance(reply, str):
            self.generating = None
            await self.call(reply)
            return
        await self.speak(reply)

    async def understand(self, text: str) -> None:
        half = len(text) // 2
        for piece in (text[:half], text[half:]):
            await asyncio.sleep(TEXT_SECONDS / 2)
            await self.say({"serverContent": {"inputTranscription": {"text": piece}}})

    async def speak(self, text: str) -> None:
        total = 0.0
        for pcm, words in spoken(text, RATE):
            total += len(pcm) / 2 / RATE
            data = {"mimeType": f"audio/pcm;rate={RATE}", "data": base64.b64encode(pcm).decode()}
            content: dict[str, Any] = {"modelTurn": {"parts": [{"inlineData": data}]}}
            if words:
                content["outputTranscription"] = {"text": words}
            await self.say({"serverContent": content})
            await asyncio.sleep(PACE_SECONDS)
        await self.say({"serverContent": {"generationComplete": True}})
        await asyncio.sleep(TEXT_SECONDS)  # it waits as if the client played it
        self.generating = None
        sound = round(total * TOKENS_PER_SECOND)
        usage = {
            "promptTokenCount": 150,
            "responseTokenCount": sound,
            "totalTokenCount": 150 + sound,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 100},
                {"modality": "AUDIO", "tokenCount": 50},
            ],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": sound}],
        }
        await self.say({"serverContent": {"turnComplete": True}, "usageMetadata": usage})
        if self.vendor.leaves:
            self.vendor.leaves = False
            await self.say({"goAway": {"timeLeft": "0s"}})
            await self.socket.close(code=1001, message=b"going away")

    # -- tools

    async def call(self, reply: list[tuple[str, dict[str, Any]]]) -> None:
        calls = [{"id": f"function-call-{next(_numbers)}", "name": n, "args": a} for n, a in reply]
        self.calls |= {call["id"]: call["name"] for call in calls}
        await self.say({"toolCall": {"functionCalls": calls}})

    async def answered(self, responses: list[dict[str, Any]]) -> None:
        for each in responses:
            if self.calls.pop(each.get("id", ""), None) is None:
                self.complaints.append(f"no such call: {each.get('id')}")
            elif not isinstance(each.get("response"), dict):
                await self.close(1007, "function_responses.response must be an object")
                return
            self.results.append(each.get("response"))
        if not self.calls:
            self.generating = self.beside(self.generate(None, ""))
