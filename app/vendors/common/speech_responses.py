"""What a model that hears and speaks is asked, one request after the other, and what it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pipecat.frames.frames import (
    FunctionCallFromLLM,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)

from app.vendors.common.speech_parts import (
    ModelAskedFrame,
    Piece,
    Request,
    Response,
    Turn,
)
from app.vendors.common.speech_protocol import SpeechProtocol


class SpeechResponses(SpeechProtocol):
    """Sends the requests, and passes on the responses."""

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
        if response is not self.response:  # it was cut meanwhile
            return
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

    async def call_tools(self, calls: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Run tools: each with id, name and arguments."""
        await self.run_function_calls(
            [FunctionCallFromLLM(name, call, args, self.context) for call, name, args in calls]
        )

    async def transcribe(self, turn: Turn, text: str) -> None:
        """The final text of a turn; an empty one if nothing was understood."""
        with suppress(ValueError):
            self.turns.remove(turn)
        if text.strip():
            self.hooks.transcribed(text.strip(), turn.began, turn.ended or time.time())
        self._changed.set()

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

    async def _last_texts(self) -> None:
        """Tell what is known of the turns that have no final text."""
        for turn in list(self.turns):
            await self.transcribe(turn, "".join(turn.texts))
