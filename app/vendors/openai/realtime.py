"""OpenAI's speech-to-speech models. https://platform.openai.com/docs/guides/realtime

Turns are decided here, so its own turn detection is off. A line of 8 kHz has mu-law both ways, which
loses nothing of a phone's sound. Other lines have PCM of 24 kHz, its only other rate.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pipecat.audio.utils import create_stream_resampler
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection

from app.telemetry.call_log import call_log
from app.vendors.common.errors import as_websocket
from app.vendors.common.json_fields import count_of, list_of, object_of
from app.vendors.common.speech_model import SpeechModel
from app.vendors.common.speech_parts import Piece, Request, Response, Turn
from app.vendors.common.speech_protocol import SAY, Refused
from app.vendors.common.speech_spec import SpeechSpec
from app.vendors.common.stt_websocket import field
from providers.common import foreign_json
from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from providers.common.json_types import JsonDict, JsonObject

log = call_log(__name__)

PHONE, WIDE = 8000, 24_000
TRANSCRIBER = "gpt-4o-mini-transcribe"
TEXTS = "conversation.item.input_audio_transcription"
# Errors after which no answer comes. Others leave the session as it is.
LASTING: Mapping[str, ErrorCategory] = {
    "invalid_api_key": ErrorCategory.AUTHENTICATION,
    "insufficient_quota": ErrorCategory.QUOTA,
    "rate_limit_exceeded": ErrorCategory.RATE_LIMIT,
    "model_not_found": ErrorCategory.INVALID_REQUEST,
}
# Errors of messages that crossed others on their way.
CROSSED = frozenset({"response_cancel_not_active", "input_audio_buffer_commit_empty"})
# The session is over by its age, and another one may go on.
EXPIRED = "session_expired"
# Its models that think first; a year in a name is no version.
REASONING = re.compile(r"gpt-realtime-2(\.\d+)?(-(?!\d).*)?")
MOST_TOKENS = 4096
SPEEDS = 0.25, 1.5


class Realtime(SpeechModel):
    """One model of one call."""

    transcriber = TRANSCRIBER

    def __init__(self, spec: SpeechSpec) -> None:
        super().__init__(spec)
        self._narrow = spec.sample_rate == PHONE
        self.output_rate = PHONE if self._narrow else WIDE
        self._resampler = create_stream_resampler()
        self._asked = dict[str, Response]()
        """Responses by the id of the event that asked for them, until they have their own."""
        self._undone = dict[str, Response]()
        """Responses by their id, until they are done."""
        self._committed = deque[Turn]()
        self._items = dict[str, Turn]()
        """The turns by the ids of their items."""
        self._open_calls = set[str]()
        self._configured = False

    # -- the session

    def url(self) -> str:
        llm = self.spec.llm
        return f"{as_websocket(llm.url)}/realtime?model={quote(llm.model)}"

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.spec.llm.key}", **self.spec.llm.headers}

    def forget(self) -> None:
        self._asked.clear()
        self._undone.clear()
        self._committed.clear()
        self._items.clear()
        self._open_calls.clear()
        self._configured = False

    async def greet(self, socket: ClientConnection) -> None:
        await self.send(type="session.update", session=self._session())
        while not self._configured:
            found = foreign_json.parse(await socket.recv())
            if isinstance(found, Mapping):
                await self.take(found)

    def _session(self) -> JsonDict:
        spec = self.spec
        transcription: JsonDict = {"model": TRANSCRIBER}
        language = spec.transcriber.get("language")
        if isinstance(language, str) and len(language.split("-")[0]) == 2:
            transcription["language"] = language.split("-")[0]
        form = {"type": "audio/pcmu"} if self._narrow else {"type": "audio/pcm", "rate": WIDE}
        session: JsonDict = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": self.instructions,
            "audio": {
                "input": {
                    "format": form,
                    "turn_detection": None,
                    "transcription": transcription,
                },
                "output": {"format": form, "voice": spec.voice["voiceId"], **_speed(spec)},
            },
            "tools": self._tools(),
            "tool_choice": "auto",
        }
        limit, effort = spec.model.get("maxTokens"), spec.model.get("reasoningEffort")
        if isinstance(limit, int | float) and not isinstance(limit, bool) and limit > 0:
            session["max_output_tokens"] = min(int(limit), MOST_TOKENS)
        if isinstance(effort, str) and REASONING.fullmatch(spec.llm.model):
            session["reasoning"] = {"effort": effort}
        return session

    def _tools(self) -> list[JsonDict]:
        return [{"type": "function", **each} for each in self.tools]

    async def tools_changed(self) -> None:
        await self.send(type="session.update", session={"type": "realtime", "tools": self._tools()})

    # -- to the server

    def is_busy(self) -> bool:
        return super().is_busy() or bool(self._asked or self._undone)

    async def send_sound(self, pcm: bytes) -> None:
        if self._narrow:
            sound = pcm_to_mulaw(pcm)
        else:
            sound = await self._resampler.resample(pcm, self.spec.sample_rate, WIDE)
        if sound:
            text = base64.b64encode(sound).decode()
            await self.send(type="input_audio_buffer.append", audio=text)

    async def open_turn(self) -> None:
        """Nothing: the buffer is empty between two turns."""

    async def close_turn(self) -> None:
        self._committed.append(self.turns[-1])
        await self.send(type="input_audio_buffer.commit")

    async def ask(self, response: Response) -> None:
        event = uuid4().hex
        self._asked[event] = response
        wanted: JsonDict = {}
        if response.request.say is not None:
            # without the conversation, which the model would answer
            wanted = {"input": [], "tool_choice": "none"}
            wanted["instructions"] = SAY + response.request.say
        await self.send(
            type="response.create",
            event_id=event,
            response={"output_modalities": ["audio"], **wanted},
        )

    async def stop_response(self, response: Response | None) -> None:
        if response is not None and response.id in self._undone:
            await self.send(type="response.cancel", response_id=response.id)

    async def truncate(self, piece: Piece, seconds: float) -> None:
        await self.send(
            type="conversation.item.truncate",
            item_id=piece.item,
            content_index=piece.part,
            audio_end_ms=int(seconds * 1000),
        )

    async def tell(self, role: str, text: str) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        await self._add({"type": "message", "role": role, "content": content})

    async def answer_tool(self, call_id: str, name: str, result: str) -> None:
        if call_id in self._open_calls:
            self._open_calls.discard(call_id)
            await self._add({"type": "function_call_output", "call_id": call_id, "output": result})
        elif self._configured:  # the session that asked is lost
            await self.tell("system", f"The tool {name} has answered: {result}")

    async def _add(self, item: JsonDict) -> None:
        await self.send(type="conversation.item.create", item=item)

    # -- from the server

    async def take(self, message: JsonObject) -> None:
        taker = TAKERS.get(field(message, "type"))
        if taker is not None:
            await taker(self, message)

    async def _updated(self, _: JsonObject) -> None:
        self._configured = True

    async def _created(self, message: JsonObject) -> None:
        found = object_of(message, "response")
        if not self._asked:
            return
        response = self._asked.pop(next(iter(self._asked)))
        response.id = field(found, "id")
        self._undone[response.id] = response
        if response.cut:  # before it had a name to be cancelled by
            await self.send(type="response.cancel", response_id=response.id)

    async def _sound(self, message: JsonObject) -> None:
        if self._is_current(message):
            sound = base64.b64decode(field(message, "delta"))
            pcm = mulaw_to_pcm(sound) if self._narrow else sound
            part = message.get("content_index")
            await self.speak(pcm, field(message, "item_id"), part if isinstance(part, int) else 0)

    async def _words(self, message: JsonObject) -> None:
        if self._is_current(message):
            await self.word(field(message, "delta"))

    def _is_current(self, message: JsonObject) -> bool:
        response = self._undone.get(field(message, "response_id"))
        return response is not None and response is self.response

    async def _done(self, message: JsonObject) -> None:
        found = object_of(message, "response")
        response = self._undone.pop(field(found, "id"), None)
        if object_of(found, "usage"):
            await self.count(usage_of(object_of(found, "usage")))
        if response is None:
            return
        if found.get("status") == "failed":
            error = object_of(object_of(found, "status_details"), "error")
            await self._refused(error)
            return
        if not response.cut:
            await self._call(found)
        await self.end_response(response)

    async def _call(self, found: JsonObject) -> None:
        """Run the tools that a response asks for."""
        calls = list[tuple[str, str, Mapping[str, Any]]]()
        for item in list_of(found, "output"):
            if field(item, "type") != "function_call":
                continue
            call_id = field(item, "call_id")
            self._open_calls.add(call_id)
            arguments = _arguments(field(item, "arguments"))
            if arguments is None:
                await self.answer_tool(call_id, "", '"Error: the arguments are no JSON object"')
                self._requests.append(Request())
            else:
                calls.append((call_id, field(item, "name"), arguments))
        if calls:
            await self.call_tools(calls)

    async def _commit(self, message: JsonObject) -> None:
        if self._committed:
            self._items[field(message, "item_id")] = self._committed.popleft()

    async def _text_so_far(self, message: JsonObject) -> None:
        turn = self._items.get(field(message, "item_id"))
        if turn is not None and field(message, "delta"):
            turn.texts.append(field(message, "delta"))
            self.hooks.transcribing("".join(turn.texts))

    async def _text(self, message: JsonObject) -> None:
        turn = self._items.pop(field(message, "item_id"), None)
        if turn is not None:
            await self.transcribe(turn, field(message, "transcript"))

    async def _no_text(self, message: JsonObject) -> None:
        log.warning("a turn of the caller has no text: %s", _words_of(object_of(message, "error")))
        await self._text(message)

    async def _error(self, message: JsonObject) -> None:
        error = object_of(message, "error")
        code = field(error, "code")
        if not self._configured:
            raise Refused(_words_of(error))
        if code == EXPIRED:
            return  # it closes the socket, and the next one goes on
        asked = self._asked.pop(field(error, "event_id"), None)
        if code in LASTING or asked is not None:
            await self._refused(error)
        elif code not in CROSSED:
            log.warning("the vendor reports: %s", _words_of(error))

    async def _refused(self, error: JsonObject) -> None:
        await self.fail(_words_of(error), LASTING.get(field(error, "code")))


TAKERS = {
    "session.updated": Realtime._updated,
    "response.created": Realtime._created,
    "response.output_audio.delta": Realtime._sound,
    "response.output_audio_transcript.delta": Realtime._words,
    "response.done": Realtime._done,
    "input_audio_buffer.committed": Realtime._commit,
    f"{TEXTS}.delta": Realtime._text_so_far,
    f"{TEXTS}.completed": Realtime._text,
    f"{TEXTS}.failed": Realtime._no_text,
    "error": Realtime._error,
}
"""The server's events that mean something here."""


def make(spec: SpeechSpec) -> Realtime:
    """Build the service."""
    return Realtime(spec)


def usage_of(usage: JsonObject) -> LLMTokenUsage:
    """The tokens of a response; those of sound are among them."""
    into, out = object_of(usage, "input_token_details"), object_of(usage, "output_token_details")
    cached = object_of(into, "cached_tokens_details")
    return LLMTokenUsage(
        prompt_tokens=count_of(usage, "input_tokens"),
        completion_tokens=count_of(usage, "output_tokens"),
        total_tokens=count_of(usage, "total_tokens"),
        cache_read_input_tokens=count_of(into, "cached_tokens"),
        input_audio_tokens=count_of(into, "audio_tokens"),
        output_audio_tokens=count_of(out, "audio_tokens"),
        cache_read_input_audio_tokens=count_of(cached, "audio_tokens"),
    )


def _speed(spec: SpeechSpec) -> JsonDict:
    given = spec.voice.get("speed")
    least, most = SPEEDS
    return {"speed": min(max(float(given), least), most)} if given else {}


def _arguments(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    return found if isinstance(found, Mapping) else None


def _words_of(error: JsonObject) -> str:
    code = field(error, "code") or field(error, "type")
    return f"{field(error, 'message') or 'it failed'} ({code})" if code else field(error, "message")
