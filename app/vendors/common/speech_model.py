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
from contextlib import suppress

from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMServiceMetadataFrame,
    StartFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from app.vendors.common.speech_parts import (
    Request,
    RespondFrame,
    ResultsFrame,
    TellFrame,
    Turn,
)
from app.vendors.common.speech_socket import SpeechSocket

# Of one turn, kept for a socket that replaces a lost one.
KEPT_SECONDS = 60
# The longest wait at the end for the last words, and for the text of the caller's last ones.
LAST_WORDS_SECONDS = 30.0
LAST_TEXT_SECONDS = 1.0


class SpeechModel(SpeechSocket):
    """One model of one call."""

    def offer(self, schema: ToolsSchema) -> None:
        """Offer these tools from now on."""
        self.tools = [each.to_default_dict() for each in schema.standard_tools]
        if self._ready.is_set():
            self.create_task(self.tools_changed())

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
            case ResultsFrame():
                await self._answer_results()
                return
            case LLMContextFrame():
                return  # the vendor keeps the conversation
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
                wanted = frame.properties is None or frame.properties.run_llm is not False
                result = json.dumps(frame.result, ensure_ascii=False)
                await self._give_result(frame, result, answered=wanted)
            elif isinstance(frame, FunctionCallCancelFrame):
                await self._give_result(frame, '"CANCELLED"', answered=frame.run_llm)
        await super().push_frame(frame, direction)

    async def _give_result(
        self,
        frame: FunctionCallResultFrame | FunctionCallCancelFrame,
        result: str,
        *,
        answered: bool,
    ) -> None:
        """Give the vendor the result of a tool. ``answered``: the model is to speak about it.

        It is asked behind the tool's own words, which are queued at the pipeline's begin.
        """
        await self.answer_tool(frame.tool_call_id, frame.function_name, result)
        if answered:
            self._results_wait = True
            await self.pipeline_worker.queue_frame(ResultsFrame())

    async def _answer_results(self) -> None:
        """Ask for an answer to results of tools, unless one that is asked for anyway has them.

        pipecat's aggregator would ask, too. But it forgets to where a text that was being spoken when
        the result came ends meanwhile.
        """
        asked = self._turn is not None or any(each.say is None for each in self._requests)
        if self._results_wait and self.answers and not asked:
            await self._request(Request())

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

    async def _finish(self) -> None:
        """Wait until all that was asked is said, and the caller's last words are known."""
        self._ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._is_at_work() and self.has_to_speak:
                    await self._change()
            async with asyncio.timeout(LAST_TEXT_SECONDS):
                while self._is_at_work() and self.turns:
                    await self._change()
        await self._last_texts()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
