"""One call's pipeline, put together and run: ears, turn-taking, model, voice; and how it ends.

The first reason to end it holds; whatever follows is a consequence. An end is *polite* (what is
to be said is said first) or at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.errors import ErrorCategory
from pipecat.workers.runner import WorkerRunner

from app.assistants.local import endings, turns
from app.assistants.local.conversation import Conversation
from app.assistants.local.endings import TOLERATED, Stage
from app.assistants.local.heard import Heard
from app.assistants.local.plan import First, Plan
from app.assistants.local.transport import KEYS, Ears, Mouth
from app.assistants.local.watch import Deadlines, Signs, Watch
from app.media.line import Line
from providers.events import EndedReason

SETUP_SECONDS = 10.0
SAY_SECONDS = 30.0
"""How long one may wait for something to be spoken."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Named:
    """Whose the three services are: Vapi's provider names."""

    transcriber: str
    model: str
    voice: str


@dataclass
class Parts:
    """The three services of one call."""

    transcriber: FrameProcessor | None
    model: FrameProcessor
    voice: FrameProcessor
    named: Named
    exact_words: bool = False
    """The voice tells when each word is spoken."""


class PastTurns(FrameProcessor):
    """The caller's sound is of no use behind the turn detector: each hop saved is processor time."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)


class Engine:
    """Runs one conversation on one line."""

    def __init__(
        self,
        line: Line,
        plan: Plan,
        parts: Parts,
        conversation: Conversation,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.line = line
        self.plan = plan
        self.conversation = conversation
        self.ears = Ears(line, self._gone)
        self.mouth = Mouth(line)
        self.deaf = turns.Deaf()
        self.watch = Watch(
            deadlines or Deadlines(),
            Signs(
                self._assistant_speaks,
                self._caller_speaks,
                self._interrupted,
                lambda text: self.changed("partial", {"text": text}),
            ),
        )
        self.context = LLMContext([])
        self.ready = asyncio.Event()
        """The pipeline runs: it may be told to do something."""
        self.changed: Callable[[str, dict[str, Any]], None] = lambda kind, data: None
        """Told what happens: a kind of ``telling.KINDS``, and its facts."""
        self._parts = parts
        self._heard = Heard(lambda: self.mouth.unheard, exact=parts.exact_words)
        self._errors = dict[Stage, int]()
        self._began = dict[str, float]()
        self._speaking = False
        self._spoken = asyncio.Event()
        self._fillers = set[str]()
        self._asked = ""
        """The sentence the voice was given last."""
        self._idle_left = plan.idle_count
        self._ending = False
        self._tasks = set[asyncio.Task[Any]]()
        self.worker = self._assemble()

    # -- what may be done to it from outside

    async def run(self) -> None:
        """Until the line is gone, or an end was decided and spoken."""
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(self.worker)
        self._start(self._mind_deadlines())
        self._start(self._mind_silence())
        self._start(self._mind_hanging())
        if self.plan.idle_messages:
            self._start(self._mind_idleness())
        try:
            await runner.run()
        finally:
            for task in self._tasks:
                task.cancel()

    async def say(self, text: str, *, remembered: bool = True, filler: bool = False) -> None:
        """Speak this, after what is being spoken. ``filler``: while a tool works."""
        if filler:
            self._fillers.add(text)
        await self.worker.queue_frame(TTSSpeakFrame(text, append_to_context=remembered))

    async def say_all(self, text: str, *, filler: bool = False) -> None:
        """Speak this, and wait until it was played; at most ``SAY_SECONDS``."""
        self._spoken.clear()
        await self.say(text, filler=filler)
        with suppress(TimeoutError):
            async with asyncio.timeout(SAY_SECONDS):
                await self._spoken.wait()
                await asyncio.sleep(self.line.ahead)

    async def interrupt(self) -> None:
        """Drop what is being said, and what waits to be said."""
        await self.worker.queue_frame(InterruptionFrame())

    async def respond(self) -> None:
        """Let the model speak to the conversation as it stands."""
        await self.worker.queue_frame(LLMRunFrame())

    async def add(self, role: str, text: str, *, respond: bool) -> None:
        """Put a message into the conversation that nobody spoke. ``role``: user, assistant, system."""
        message = {"role": role, "content": text}
        append = LLMMessagesAppendFrame([message], run_llm=respond)  # type: ignore[list-item]  # its type is a union of vendors'
        # From the end: the assistant's side holds the answer back while somebody speaks.
        await self.worker.queue_frame(append, FrameDirection.UPSTREAM)
        self.changed("added", self.conversation.added(role, text))

    async def play(self, pcm: bytes) -> None:
        """Sound, after what is being spoken."""
        await self.worker.queue_frame(
            OutputAudioRawFrame(audio=pcm, sample_rate=self.line.sample_rate, num_channels=1)
        )

    async def finish(
        self, reason: EndedReason, last_words: str = "", message: str | None = None
    ) -> None:
        """End politely. Only the first end counts."""
        if self._ending:
            return
        self._ending = True
        self.line.decide(reason, message)
        if last_words:
            await self.say(last_words)
        await self.worker.queue_frame(EndFrame())

    async def abort(self, reason: EndedReason, message: str | None = None) -> None:
        """End at once."""
        if self.line.decision is None:
            self.line.decide(reason, message)
        self._ending = True
        await self.worker.cancel()

    # -- assembly

    def _assemble(self) -> PipelineWorker:
        plan, parts = self.plan, self._parts
        caller, assistant = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                vad_analyzer=turns.detector(plan),
                user_turn_strategies=turns.strategies(plan),
                user_mute_strategies=[*turns.mutes(plan), self.deaf],
            ),
        )
        keys = DTMFAggregator(timeout=plan.keypad_seconds, termination_digit=KEYS[plan.keypad_end])
        chain: list[FrameProcessor | None] = [
            self.ears,
            parts.transcriber,
            keys,
            caller,
            PastTurns(),
            parts.model,
            parts.voice,
            self.mouth,
            self._heard,
            assistant,
        ]
        rate = self.line.sample_rate
        worker = PipelineWorker(
            Pipeline([part for part in chain if part is not None]),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,  # it would cancel the call: silence is minded here
            observers=[self.watch],
            setup_timeout_secs=SETUP_SECONDS,
            params=PipelineParams(
                audio_in_sample_rate=rate,
                audio_out_sample_rate=rate,
                enable_metrics=True,
                enable_usage_metrics=True,
            ),
        )
        self._listen(worker, caller, assistant)
        return worker

    def _listen(self, worker: PipelineWorker, caller: Any, assistant: Any) -> None:
        on: list[tuple[Any, str, Callable[..., Awaitable[None]]]] = [
            (worker, "on_pipeline_started", self._started),
            (worker, "on_pipeline_error", self._failed),
            (worker, "on_setup_timeout", self._not_started),
            (worker, "on_pipeline_timeout", self._not_started),
            (caller, "on_user_turn_stopped", self._caller_spoke),
            (assistant, "on_assistant_turn_started", self._assistant_begins),
            (assistant, "on_assistant_turn_stopped", self._assistant_spoke),
            (self._parts.voice, "on_tts_request", self._voice_asked),
        ]
        for source, event, handler in on:
            source.add_event_handler(event, handler)

    # -- what happens

    async def _started(self, _: Any, __: Frame) -> None:
        self.ready.set()
        if self.conversation.continues:
            for message in self.conversation.spoken:
                self.context.add_message(message)  # type: ignore[arg-type]
            return
        if self.plan.first is First.SPEAK:
            await self.say(self.plan.first_message)
        elif self.plan.first is First.GENERATE:
            await self.worker.queue_frame(LLMRunFrame())

    async def _voice_asked(self, _: Any, context_id: str, text: str) -> None:
        self.watch.voice_asked()
        self._asked = text
        self._heard.asked(context_id, text)

    async def _caller_spoke(self, _: Any, __: Any, message: UserTurnStoppedMessage) -> None:
        if message.content:  # empty when the transcriber heard nothing in the noise
            self._idle_left = self.plan.idle_count
            since = self._began.pop("user", None)
            self.changed("said", self.conversation.said("user", message.content, since))

    async def _assistant_begins(self, _: Any) -> None:
        self._began.setdefault("bot", time.time())

    async def _assistant_spoke(self, _: Any, message: AssistantTurnStoppedMessage) -> None:
        since = self._began.pop("bot", None)
        if not message.content:
            return
        more = {"interrupted": True} if message.interrupted else {}
        said = self.conversation.said("bot", message.content, since, **more)
        self.changed("said", said)
        low = message.content.lower()
        if not message.interrupted and any(phrase in low for phrase in self.plan.end_phrases):
            await self.finish(EndedReason.ASSISTANT_SAID_END_CALL_PHRASE)

    def _assistant_speaks(self, speaking: bool) -> None:
        self._speaking = speaking
        if not speaking:
            self._spoken.set()
        self.changed("speech", {"role": "assistant", "status": _word(speaking)})

    def _caller_speaks(self, speaking: bool) -> None:
        if speaking:
            self._began["user"] = time.time()
        self.changed("speech", {"role": "user", "status": _word(speaking)})

    def _interrupted(self) -> None:
        if self._speaking:
            self.changed("interrupted", {})

    def _gone(self) -> None:
        """The carrier has left: nothing more can be said."""
        self._start(self.worker.cancel())

    # -- what goes wrong

    async def _failed(self, _: Any, frame: ErrorFrame) -> None:
        stage = _stage(frame)
        if frame.category is ErrorCategory.APPLICATION or stage is None:
            log.warning("the pipeline reports: %s", frame.error)
            return
        self._errors[stage] = self._errors.get(stage, 0) + 1
        usable = frame.processor is None or frame.processor.is_usable
        if usable and self._errors[stage] < TOLERATED[stage]:
            return
        category = frame.category.value if frame.category else ""
        await self._blame(stage, f"{frame.error} {frame.exception or ''}", category)

    async def _not_started(self, *_: Any) -> None:
        await self.abort(EndedReason.ASSISTANT_JOIN_TIMED_OUT, "The pipeline did not start.")

    async def _blame(self, stage: Stage, text: str, category: str = "") -> None:
        provider = str(getattr(self._parts.named, stage.value))
        reason = endings.reason(stage, provider, text, category)
        if stage is Stage.VOICE and reason is EndedReason.ASSISTANT_ERROR:
            reason = self._voice_reason()
        await self.abort(reason, f"{provider} ({stage.value}): {text[:300].strip()}")

    def _voice_reason(self) -> EndedReason:
        """Of a voice that no reason names: what it was to say."""
        if any(self._asked in filler for filler in self._fillers):
            return EndedReason.PIPELINE_ERROR_FUNCTION_FILLER_FAILED
        if not any(each["role"] == "bot" for each in self.conversation.messages):
            return EndedReason.PIPELINE_ERROR_FIRST_MESSAGE_FAILED
        return EndedReason.ASSISTANT_ERROR

    async def _mind_deadlines(self) -> None:
        stage = await self.watch.overdue()
        await self._blame(stage, "no answer in time")

    async def _mind_silence(self) -> None:
        await self.watch.quiet(self.plan.silence_seconds)
        await self.finish(EndedReason.SILENCE_TIMED_OUT, self.plan.end_message)

    async def _mind_hanging(self) -> None:
        told = 0.0
        while True:
            told = await self.watch.hang(told)
            self.changed("hang", {})

    async def _mind_idleness(self) -> None:
        """Ask a silent caller whether they are there."""
        spoken = 0
        while True:
            await self.watch.quiet(self.plan.idle_seconds)
            if self._idle_left <= 0:
                return
            self._idle_left -= 1
            await self.say(self.plan.idle_messages[spoken % len(self.plan.idle_messages)])
            spoken += 1
            self.watch.clock.quiet_since = time.monotonic()

    def _start(self, work: Any) -> None:
        async def guarded() -> None:
            with suppress(asyncio.CancelledError):
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _word(speaking: bool) -> str:
    return "started" if speaking else "stopped"


def _stage(frame: ErrorFrame) -> Stage | None:
    match frame.processor:
        case LLMService():
            return Stage.MODEL
        case TTSService():
            return Stage.VOICE
        case STTService():
            return Stage.TRANSCRIBER
    return None
