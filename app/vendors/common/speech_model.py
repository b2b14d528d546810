"""A model that hears and speaks by itself, as one service of a pipeline. Imports pipecat.

pipecat's own services of such models are not used. One opens its socket without ``app.net``, stops at
any error event, and truncates by the clock. The other needs Google's SDK. Tools, metrics and turns are
pipecat's here too. This process decides on turns, as with every other model. The vendor gets the
sound of a turn, and is told its end. A subclass speaks a vendor's protocol.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMServiceMetadataFrame,
    LLMTextFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import LLMSettings
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.net.websocket import open_socket
from app.vendors.common.clean_text import CleanModel
from app.vendors.common.errors import MAX_ERROR_TEXT
from app.vendors.common.pinned_sockets import closing_words
from app.vendors.common.speech_parts import (
    Hooks,
    ModelAskedFrame,
    Piece,
    Request,
    RespondFrame,
    Response,
    TellFrame,
    Turn,
    with_history,
)
from app.vendors.common.speech_spec import SpeechSpec
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 1.0
# How long a server may refuse to read before its socket counts as lost.
SEND_SECONDS = 5.0
MAX_MESSAGE = 4 * 1024 * 1024
# Sound from before the turn was noticed, beyond the wait of the voice detector.
MARGIN_SECONDS = 0.4
# Of one turn, kept for a socket that replaces a lost one.
KEPT_SECONDS = 60
# Responses that may wait for each other to be played.
KEPT_RESPONSES = 8
# The longest wait at the end for the last words, and for the text of the caller's last ones.
LAST_WORDS_SECONDS = 30.0
LAST_TEXT_SECONDS = 1.0
# Sockets that may be lost within a minute.
LOSSES, LOSSES_SECONDS = 3, 60.0
SAY = (
    "Say the following text to the caller now, word for word, in the language it is written in. "
    "Add nothing, and do not answer it.\n\n"
)
REFUSED = {401: ErrorCategory.AUTHENTICATION, 403: ErrorCategory.AUTHORIZATION}


class Refused(Exception):
    """The server refuses the session: another attempt would get the same answer."""


class SpeechModel(CleanModel):
    """One model of one call."""

    output_rate: int
    """Hz of the sound that it gives."""
    transcriber: str | None = None
    """The vendor's transcriber of the caller's turns, where it has a price of its own."""

    def __init__(self, spec: SpeechSpec) -> None:
        super().__init__(settings=_settings(spec.llm.model))
        self.spec = spec
        self.hooks = Hooks()
        self.context = LLMContext()
        self.preroll_seconds = MARGIN_SECONDS
        # Whether it answers the caller's turns. An answering machine gets no answer.
        self.answers = True
        self.tools: list[JsonDict] = []
        self.heard_seconds = 0.0
        """Of the caller's turns."""
        self.turns = deque[Turn]()
        """The turns without a final text, the oldest first."""
        self.response: Response | None = None
        self._played = deque[Response](maxlen=KEPT_RESPONSES)
        """Responses that the vendor has given, and the caller may not have heard yet."""
        self._turn: Turn | None = None
        self._last_turn: Turn | None = None
        self._preroll = bytearray()
        self._requests = deque[Request]()
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        """Keeps the session open."""
        self._losses = list[float]()
        self._results_wait = False
        self._sounding = False
        self._at = 0.0
        self._ending = False

    # -- what a subclass says

    @abstractmethod
    def url(self) -> str:
        """The address of its socket."""

    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """The headers of the handshake."""

    @abstractmethod
    async def greet(self, socket: ClientConnection) -> None:
        """Configure the session. Raises ``Refused``."""

    @abstractmethod
    async def take(self, message: JsonObject) -> None:
        """Take one message of the server."""

    @abstractmethod
    async def send_sound(self, pcm: bytes) -> None:
        """Send the caller's sound, 16-bit at the line's rate."""

    @abstractmethod
    async def open_turn(self) -> None:
        """The caller's turn begins; sound follows."""

    @abstractmethod
    async def close_turn(self) -> None:
        """The caller's turn is over."""

    @abstractmethod
    async def ask(self, response: Response) -> None:
        """Ask for a response."""

    @abstractmethod
    async def stop_response(self, response: Response | None) -> None:
        """Stop the response in progress; None: the vendor has given all of it."""

    async def truncate(self, piece: Piece, seconds: float) -> None:
        """Let the vendor forget what the caller did not hear, behind so many seconds of a piece."""

    @abstractmethod
    async def tell(self, role: str, text: str) -> None:
        """Add a message that was not spoken."""

    @abstractmethod
    async def answer_tool(self, call_id: str, name: str, result: str) -> None:
        """Give the result of a tool."""

    @abstractmethod
    async def tools_changed(self) -> None:
        """Take ``tools`` into the open session."""

    def is_busy(self) -> bool:
        """Whether the server would refuse another request now."""
        return self.response is not None

    def forget(self) -> None:
        """A new socket is about to be opened: nothing of the old session holds."""

    # -- for the subclass

    @property
    def instructions(self) -> str:
        """The system prompt, with what was said already."""
        return with_history(self.spec.llm.system, self.hooks.history())

    async def send(self, **message: Any) -> None:
        """Send a message. Without a socket it is lost."""
        socket = self._socket
        if socket is None:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await socket.send(json.dumps(message))
        except ConnectionClosed:
            return  # the reader of the socket notices, and opens another
        except TimeoutError:
            socket.transport.abort()

    async def speak(self, pcm: bytes, item: str = "", part: int = 0) -> None:
        """Pass on sound of the response in progress."""
        response = self.response
        if response is None or response.cut or not pcm:
            return
        if not any(piece.seconds for piece in response.pieces):
            await self.push_frame(TTSStartedFrame(append_to_context=False))
            if not self._sounding:  # else it plays behind what is queued
                self._at = self.hooks.playback().sent
        await self._begin(response)
        if not response.pieces or (response.pieces[-1].item, response.pieces[-1].part) != (
            item,
            part,
        ):
            response.pieces.append(Piece(item, part, self._at))
        seconds = len(pcm) / 2 / self.output_rate
        response.pieces[-1].seconds += seconds
        self._at += seconds
        await self.push_frame(TTSAudioRawFrame(pcm, self.output_rate, 1))

    async def word(self, text: str) -> None:
        """Pass on words of the response in progress."""
        response = self.response
        if response is None or response.cut or not text:
            return
        await self._begin(response)
        response.text += text
        self.hooks.worded(text)
        frame = LLMTextFrame(text)
        frame.append_to_context = False  # the text of what was heard does
        await self.push_frame(frame)

    async def call_tools(self, calls: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Run tools: each with id, name and arguments."""
        await self.run_function_calls(
            [FunctionCallFromLLM(name, call, args, self.context) for call, name, args in calls]
        )

    async def end_response(self, response: Response | None) -> None:
        """A response is complete, or was stopped. The next request is sent."""
        if response is not None and response is self.response:
            self.response = None
            self._played.append(response)
            if response.text.strip():
                await self.push_frame(TTSTextFrame(response.text.strip(), text_type="sentence"))
            await self.push_frame(LLMFullResponseEndFrame())
            if response.pieces:
                await self.push_frame(TTSStoppedFrame())
        await self._next_request()
        self._changed.set()

    async def count(self, tokens: LLMTokenUsage) -> None:
        """Count the usage of a response."""
        await self.start_llm_usage_metrics(tokens)

    async def transcribe(self, turn: Turn, text: str) -> None:
        """The final text of a turn; an empty one if nothing was understood."""
        with suppress(ValueError):
            self.turns.remove(turn)
        if text.strip():
            self.hooks.transcribed(text.strip(), turn.began, turn.ended or time.time())
        self._changed.set()

    async def fail(
        self, text: str, category: ErrorCategory | None = None, cause: Exception | None = None
    ) -> None:
        """Report a failure that ends the call."""
        await self.push_error(
            text[:MAX_ERROR_TEXT], exception=cause, category=category, force_treat_as_permanent=True
        )

    def offer(self, schema: ToolsSchema) -> None:
        """Offer these tools from now on."""
        self.tools = [
            {
                "name": each.name,
                "description": each.description,
                "parameters": {
                    "type": "object",
                    "properties": dict(each.properties),
                    "required": list(each.required),
                },
            }
            for each in schema.standard_tools
        ]
        if self._ready.is_set():
            self.create_task(self.tools_changed())

    # -- what the engine asks

    def can_generate_metrics(self) -> bool:
        return True

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        return LLMServiceMetadataFrame(
            service_name=self.name, is_realtime_service=True, user_turn_strategies=None
        )

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        if self._running is None:
            self._running = self.create_task(self._run())
            self._running.add_done_callback(lambda _: self._changed.set())

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._last_texts()
        await self._close()

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # the engine's gap
        await self._close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, EndFrame):
            await self._finish()
            await self._close()
        await super().process_frame(frame, direction)
        match frame:
            case InputAudioRawFrame():
                await self._hear(frame.audio)
                return  # no processor behind it needs the caller's sound
            case TTSSpeakFrame():
                await self._request(Request(say=frame.text))
                return
            case RespondFrame():
                await self._request(Request())
                return
            case TellFrame():
                await self._tell(frame)
                return
            case LLMContextFrame():
                # from the assistant's aggregator: results of tools want an answer
                if direction is FrameDirection.UPSTREAM and self._results_wait:
                    self._results_wait = False
                    await self._request(Request())
                return
            case UserStartedSpeakingFrame():
                await self._open_turn()
            case UserStoppedSpeakingFrame():
                await self._close_turn()
            case InterruptionFrame():
                await self._interrupt()
            case BotStartedSpeakingFrame() | BotStoppedSpeakingFrame():
                self._sounding = isinstance(frame, BotStartedSpeakingFrame)
        await self.push_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, FunctionCallResultFrame):
                result = json.dumps(frame.result, ensure_ascii=False)
                self._results_wait = True
                await self.answer_tool(frame.tool_call_id, frame.function_name, result)
            elif isinstance(frame, FunctionCallCancelFrame):
                await self.answer_tool(frame.tool_call_id, frame.function_name, '"CANCELLED"')
        await super().push_frame(frame, direction)

    # -- the caller

    async def _hear(self, pcm: bytes) -> None:
        turn = self._turn
        if turn is None:
            self._preroll += pcm
            most = int(self.preroll_seconds * self.spec.sample_rate) * 2
            del self._preroll[:-most]
            return
        room = KEPT_SECONDS * self.spec.sample_rate * 2 - len(turn.pcm)
        turn.pcm += pcm[: max(0, room)]
        if self._ready.is_set():
            await self.send_sound(pcm)

    async def _open_turn(self) -> None:
        if self._turn is not None:
            return
        turn = self._turn = self._last_turn = Turn(time.time())
        before = bytes(self._preroll)
        self._preroll.clear()
        turn.pcm += before
        if self._ready.is_set():
            await self.open_turn()
            await self.send_sound(before)

    async def _close_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        turn.ended = time.time()
        self.turns.append(turn)
        self.heard_seconds += len(turn.pcm) / 2 / self.spec.sample_rate
        if self._ready.is_set():
            await self.close_turn()
        if self.answers and not self._ending:
            await self._request(Request(to_turn=True))

    async def _interrupt(self) -> None:
        heard = self.hooks.playback().heard
        self._requests.clear()
        response, self.response = self.response, None
        if response is not None:
            response.cut = True
        await self.stop_all_metrics()  # type: ignore[no-untyped-call]  # pipecat has no type
        await self.stop_response(response)
        for each in (*self._played, *([response] if response else [])):
            for piece, seconds in each.heard(heard):
                await self.truncate(piece, seconds)
        self._played.clear()
        self._sounding = False
        self._changed.set()

    async def _tell(self, frame: TellFrame) -> None:
        await self._ready.wait()
        await self.tell(frame.role, frame.text)
        if frame.respond:
            await self._request(Request())

    # -- requests

    async def _request(self, request: Request) -> None:
        # A queued text waits for the end of what is said; the caller's turn waits for nothing.
        if request.to_turn or not self._ready.is_set():
            await self.push_frame(ModelAskedFrame(answer=request.say is None))
        self._requests.append(request)
        await self._next_request()

    async def _next_request(self) -> None:
        if not self._requests or not self._ready.is_set() or self.is_busy():
            return
        response = self.response = Response(self._requests.popleft())
        if response.request.say is None:
            self._results_wait = False  # this response takes them in
        if not response.request.to_turn:
            await self.push_frame(ModelAskedFrame(answer=response.request.say is None))
        await self.start_ttfb_metrics()
        await self.ask(response)

    async def _begin(self, response: Response) -> None:
        """Push what precedes the first speech of a response."""
        if not response.began:
            response.began = True
            self.hooks.begins()
            await self.stop_ttfb_metrics()
            await self.push_frame(LLMFullResponseStartFrame())

    # -- the socket

    async def _run(self) -> None:
        """Keep the session open, and report what ends it."""
        try:
            await self._sessions()
        except Exception as error:  # an answer of another shape than the vendor's
            await self.fail(f"an answer cannot be read: {type(error).__name__}", cause=error)

    async def _sessions(self) -> None:
        """Open a socket after each that is lost, as far as the server allows."""
        while True:
            try:
                socket = await self._open()
            except Exception as error:
                await self.fail(*_told(error))
                return
            words = await self._read(socket)
            self._socket = None
            self._ready.clear()
            now = self.get_event_loop().time()
            self._losses = [*(at for at in self._losses if at > now - LOSSES_SECONDS), now]
            if len(self._losses) > LOSSES:
                await self.fail(words or "the connection was lost")
                return
            await self._recover()

    async def _open(self) -> ClientConnection:
        self.forget()
        self._played.clear()
        llm = self.spec.llm
        socket = await open_socket(
            self.url(),
            llm.addresses,
            headers=self.headers(),
            seconds=OPEN_SECONDS,
            close_seconds=CLOSE_SECONDS,
            max_message=MAX_MESSAGE,
        )
        self._socket = socket
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.greet(socket)
        except ConnectionClosed as error:
            raise Refused(closing_words(socket) or "it broke the connection") from error
        except BaseException:
            socket.transport.abort()
            raise
        self._ready.set()
        await self._resume()
        return socket

    async def _read(self, socket: ClientConnection) -> str:
        """Read until the socket is closed; what the server said then."""
        try:
            async for message in socket:
                with suppress(ValueError):  # not JSON: of no vendor
                    found = foreign_json.parse(message)
                    if isinstance(found, Mapping):
                        await self.take(found)
        except ConnectionClosed:
            pass
        except Refused as error:
            socket.transport.abort()
            return str(error)
        return closing_words(socket)

    async def _recover(self) -> None:
        """What the lost session did not answer is asked again of the next one."""
        response, self.response = self.response, None
        if response is None:
            return
        if response.began:  # the caller has a part of it
            self.response = response
            await self.end_response(response)
        else:
            self._requests.appendleft(response.request)

    async def _resume(self) -> None:
        """Send what the session missed, and the first request."""
        self.turns.clear()  # their texts were the lost session's to give
        if self._turn is not None:
            await self.open_turn()
            await self.send_sound(bytes(self._turn.pcm))
        elif any(each.to_turn for each in self._requests) and self._last_turn is not None:
            self.turns.append(self._last_turn)
            await self.open_turn()
            await self.send_sound(bytes(self._last_turn.pcm))
            await self.close_turn()
        await self._next_request()

    async def _finish(self) -> None:
        """Wait until all that was asked is said, and the caller's last words are known."""
        self._ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._is_at_work() and (self._requests or self.response is not None):
                    await self._change()
            async with asyncio.timeout(LAST_TEXT_SECONDS):
                while self._is_at_work() and self.turns:
                    await self._change()
        await self._last_texts()

    async def _last_texts(self) -> None:
        """Tell what is known of the turns that have no final text."""
        for turn in list(self.turns):
            await self.transcribe(turn, "".join(turn.texts))

    def _is_at_work(self) -> bool:
        """Whether there is a session, or may be one."""
        return self._running is not None and not self._running.done()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _close(self) -> None:
        running, self._running = self._running, None
        socket, self._socket = self._socket, None
        self._ready.clear()
        if running is not None:
            await self.cancel_task(running)
        if socket is not None:
            await socket.close()


def _told(error: Exception) -> tuple[str, ErrorCategory | None, Exception]:
    """A failure to connect in words. Another error's text may hold the URL, and so the key."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        body = (error.response.body or b"").decode(errors="replace")[: MAX_ERROR_TEXT // 2]
        text = f"the server refuses the connection: HTTP {status} {body}".strip()
        return text, REFUSED.get(status), error
    known = isinstance(error, Refused | TimeoutError)
    return f"cannot connect: {error if known else type(error).__name__}", None, error


def _settings(model: str) -> LLMSettings:
    return LLMSettings(
        model=model,
        system_instruction=None,
        temperature=None,
        max_tokens=None,
        top_p=None,
        top_k=None,
        frequency_penalty=None,
        presence_penalty=None,
        seed=None,
        filter_incomplete_user_turns=False,
        user_turn_completion_config=None,
    )
