"""Google's speech-to-speech models: Gemini Live, over its socket of JSON. pipecat's needs Google's SDK.

Turns are decided here, so its own detection is off. A session takes its settings once. Texts go in as
``realtimeInput``: later models refuse ``clientContent`` in the middle of a session.
https://ai.google.dev/api/live
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pipecat.metrics.metrics import LLMTokenUsage
from websockets.asyncio.client import ClientConnection

from app.telemetry.call_log import call_log
from app.vendors.common.errors import as_websocket
from app.vendors.common.json_fields import count_of, list_of, object_of
from app.vendors.common.llm_spec import CONNECTED
from app.vendors.common.speech_model import SpeechModel
from app.vendors.common.speech_parts import Response, Turn
from app.vendors.common.speech_protocol import SAY
from app.vendors.common.speech_spec import SpeechSpec
from app.vendors.common.stt_websocket import field
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject

log = call_log(__name__)

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
RATE = 24_000
"""Hz of its speech. It takes any rate."""
SAMPLING = ("topP", "topK", "presencePenalty", "frequencyPenalty")
"""Fields of ``model.realtimeConfig`` that it has under the same names."""
RUNS = {"result": "The tool still runs. Its result follows as a message."}


class Live(SpeechModel):
    """One model of one call."""

    output_rate = RATE

    def __init__(self, spec: SpeechSpec) -> None:
        super().__init__(spec)
        self._handle: str | None = None
        """Of the session, for the next socket."""
        self._stale = False
        """What comes until the end of the vendor's turn is of no use."""
        self._calls = dict[str, str]()
        """The tools that the model waits for: id -> name."""
        self._results = dict[str, str]()
        """Their results that are not sent yet."""
        self._texts = list[str]()
        """Messages for its next turn."""
        self._heard: Turn | None = None
        """The turn whose text comes in."""
        self._old_tools = False

    # -- the session

    def url(self) -> str:
        parts = urlsplit(as_websocket(self.spec.llm.url))
        return f"{parts.scheme}://{parts.netloc}{PATH}"

    def headers(self) -> Mapping[str, str]:
        return {"x-goog-api-key": self.spec.llm.key}

    def forget(self) -> None:
        self._stale = False
        self._calls.clear()
        self._results.clear()
        self._heard = None
        self._old_tools = False

    async def greet(self, socket: ClientConnection) -> None:
        await self.send(setup=self._opening())
        while True:
            found = foreign_json.parse(await socket.recv())
            if isinstance(found, Mapping) and "setupComplete" in found:
                return

    def _opening(self) -> JsonDict:
        spec, model = self.spec, self.spec.model
        given = model.get("realtimeConfig")
        sampling = given if isinstance(given, Mapping) else {}
        limit = model.get("maxTokens")
        voice = {"prebuiltVoiceConfig": {"voiceName": spec.voice["voiceId"]}}
        setup: JsonDict = {
            "model": f"models/{spec.llm.model.removeprefix('models/')}",
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": voice},
                **{name: sampling[name] for name in SAMPLING if name in sampling},
                **({"temperature": model["temperature"]} if "temperature" in model else {}),
                **({"maxOutputTokens": int(limit)} if isinstance(limit, int | float) else {}),
            },
            "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
            "sessionResumption": {"handle": self._handle} if self._handle else {},
            # without it a session of sound ends after 15 minutes
            "contextWindowCompression": {"slidingWindow": {}},
        }
        # a resumed session has the conversation
        told = (spec.llm.system or "") if self._handle else self.instructions
        if told:
            setup["systemInstruction"] = {"parts": [{"text": told}]}
        if self.tools:
            setup["tools"] = [{"functionDeclarations": [_declared(each) for each in self.tools]}]
        return setup

    async def tools_changed(self) -> None:
        """Open another session before the next response: the open one takes no more settings."""
        self._old_tools = True
        if self.response is None and self._turn is None:
            await self._renew()

    async def _renew(self) -> None:
        if self._old_tools and self._socket is not None:
            self._losses.clear()  # our own wish
            await self._socket.close()

    # -- to the server

    async def send_sound(self, pcm: bytes) -> None:
        text = base64.b64encode(pcm).decode()
        kind = f"audio/pcm;rate={self.spec.sample_rate}"
        await self.send(realtimeInput={"audio": {"data": text, "mimeType": kind}})

    async def open_turn(self) -> None:
        await self._settle()
        await self.send(realtimeInput={"activityStart": {}})
        for text in self._texts:
            await self.send(realtimeInput={"text": text})
        self._texts.clear()

    async def close_turn(self) -> None:
        await self._text_is_whole()
        self._heard = self.turns[-1]
        await self.send(realtimeInput={"activityEnd": {}})

    async def ask(self, response: Response) -> None:
        request = response.request
        if request.to_turn:
            return  # the end of the turn has asked
        if request.say is None and self._results:
            await self._send_results()
            return
        if request.say is not None:
            self._texts.append(SAY + request.say)
        elif not self._texts:
            self._texts.append("(Go on.)" if self.hooks.history() else CONNECTED)
        await self.open_turn()
        await self.send(realtimeInput={"activityEnd": {}})

    async def stop_response(self, response: Response | None) -> None:
        """Drop what still comes. Its own record holds all that it sent."""
        if response is not None or self._calls:
            self._stale = True
        self._calls.clear()
        self._results.clear()

    async def tell(self, role: str, text: str) -> None:
        names = {"assistant": "You have said: ", "system": "Note: "}
        self._texts.append(f"{names.get(role, '')}{text}")

    async def answer_tool(self, call_id: str, name: str, result: str) -> None:
        if call_id in self._calls:
            self._results[call_id] = result
        else:
            self._texts.append(f"Note: the tool {name} has answered: {result}")

    async def _settle(self) -> None:
        """Answer the tools that the model waits for: else it hears nothing. Drop what it says."""
        if not self._calls:
            return
        for call_id, name in self._calls.items():
            if call_id not in self._results:
                log.info("the model is told that the tool %s still runs", name)
        await self._send_results()
        self._stale = True

    async def _send_results(self) -> None:
        answers = [
            {"id": call_id, "name": name, "response": _result(self._results.get(call_id))}
            for call_id, name in self._calls.items()
        ]
        self._calls.clear()
        self._results.clear()
        await self.send(toolResponse={"functionResponses": answers})

    # -- from the server

    async def take(self, message: JsonObject) -> None:
        for name, taker in TAKERS.items():
            found = message.get(name)
            if isinstance(found, Mapping):
                await taker(self, found)

    async def _content(self, content: JsonObject) -> None:
        await self._text_so_far(object_of(content, "inputTranscription"))
        if not self._stale:
            await self._speech(content)
            await self.word(field(object_of(content, "outputTranscription"), "text"))
        if content.get("turnComplete"):
            await self._turn_over()

    async def _speech(self, content: JsonObject) -> None:
        for part in list_of(object_of(content, "modelTurn"), "parts"):
            data = field(object_of(part, "inlineData"), "data") if isinstance(part, Mapping) else ""
            if data:
                await self.speak(base64.b64decode(data))

    async def _text_so_far(self, found: JsonObject) -> None:
        turn, text = self._heard, field(found, "text")
        if turn is not None and text:
            turn.texts.append(text)
            self.hooks.transcribing("".join(turn.texts).strip())

    async def _text_is_whole(self) -> None:
        turn, self._heard = self._heard, None
        if turn is not None:
            await self.transcribe(turn, "".join(turn.texts))

    async def _turn_over(self) -> None:
        was_stale, self._stale = self._stale, False
        if not was_stale:  # the text of an interrupted turn may still come
            await self._text_is_whole()
            await self.end_response(self.response)
        await self._renew()

    async def _tools(self, found: JsonObject) -> None:
        """The model waits for tools. Its turn goes on with their results."""
        calls = list[tuple[str, str, Mapping[str, Any]]]()
        for call in list_of(found, "functionCalls"):
            self._calls[field(call, "id")] = field(call, "name")
            calls.append((field(call, "id"), field(call, "name"), object_of(call, "args")))
        if self._stale:  # of a response that was interrupted
            self._calls.clear()
            return
        await self.call_tools(calls)
        await self.end_response(self.response)

    async def _cancelled(self, found: JsonObject) -> None:
        """The model does not wait for these tools any more."""
        for call_id in list_of(found, "ids"):
            self._calls.pop(call_id, None)

    async def _usage(self, found: JsonObject) -> None:
        await self.count(usage_of(found))

    async def _resumable(self, found: JsonObject) -> None:
        handle = field(found, "newHandle")
        if found.get("resumable") and handle:
            self._handle = handle

    async def _going(self, found: JsonObject) -> None:
        """The server will close the socket; the next one goes on with the session."""
        log.info("Gemini Live closes its socket in %s", field(found, "timeLeft"))


TAKERS = {
    "serverContent": Live._content,
    "toolCall": Live._tools,
    "toolCallCancellation": Live._cancelled,
    "usageMetadata": Live._usage,
    "sessionResumptionUpdate": Live._resumable,
    "goAway": Live._going,
}
"""The fields of the server's messages that mean something here."""


def make(spec: SpeechSpec) -> Live:
    """Build the service."""
    return Live(spec)


def usage_of(usage: JsonObject) -> LLMTokenUsage:
    """The tokens of a turn; those of sound are among them, and those of thoughts."""
    prompt = count_of(usage, "promptTokenCount") + count_of(usage, "toolUsePromptTokenCount")
    thoughts = count_of(usage, "thoughtsTokenCount")
    answer = count_of(usage, "responseTokenCount") + thoughts
    return LLMTokenUsage(
        prompt_tokens=prompt,
        completion_tokens=answer,
        total_tokens=prompt + answer,
        cache_read_input_tokens=count_of(usage, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        input_audio_tokens=_sound_tokens(usage, "promptTokensDetails"),
        output_audio_tokens=_sound_tokens(usage, "responseTokensDetails"),
        cache_read_input_audio_tokens=_sound_tokens(usage, "cacheTokensDetails"),
    )


def _sound_tokens(usage: JsonObject, name: str) -> int:
    return sum(
        count_of(each, "tokenCount")
        for each in list_of(usage, name)
        if isinstance(each, Mapping) and each.get("modality") == "AUDIO"
    )


def _declared(tool: JsonObject) -> JsonDict:
    declared: JsonDict = {"name": tool["name"], "description": tool["description"]}
    if tool["parameters"]["properties"]:  # an object without properties is refused
        declared["parametersJsonSchema"] = tool["parameters"]
    return declared


def _result(text: str | None) -> JsonObject:
    """A tool's result, which must be an object; None: it still runs."""
    if text is None:
        return RUNS
    found = json.loads(text)
    return found if isinstance(found, dict) else {"result": found}
