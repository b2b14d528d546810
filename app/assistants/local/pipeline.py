"""One call's pipecat pipeline: transcriber, turn taking, model, voice; and how it ends.

The first end reason holds: later ones are consequences of it. An end waits for the last words
(``finish``), or is immediate (``abort``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.llm_switcher import LLMSwitcher
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
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from app.assistants.local import speech_text, timeouts, turn_taking
from app.assistants.local.config import AgentConfig
from app.assistants.local.failures.policy import FailurePolicy
from app.assistants.local.hooks import HookRunner
from app.assistants.local.latency.performance import Performance
from app.assistants.local.latency.turns import TurnTimer
from app.assistants.local.observer import Callbacks, CallObserver
from app.assistants.local.services import CallServices, Stage
from app.assistants.local.sides import Input, Output
from app.assistants.local.sound import background
from app.assistants.local.squad.handoff import HandOver, no_handoff
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.text_transport import TextInput, TextOutput
from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.spoken_text import Fence, SpokenTextTracker
from app.assistants.local.transport import KEYS, AgentInputTransport, AgentOutputTransport
from app.assistants.local.turns import by_carrier, endpoint_request
from app.assistants.local.turns.eager_request import EagerRequests
from app.assistants.local.turns.keys_as_text import KeysAsText
from app.assistants.local.voicemail_detector import AfterTurnFilter, VoicemailDetector
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.assistant.hooks import Moment
from app.domain.assistant.line_sound import Denoising
from app.domain.reporting.artifact import spoken
from app.media.stream import MediaStream, now
from app.media.text_stream import TextStream
from app.vendors.common.llm_spec import CONNECTED, begins_with_user, opening_messages
from app.vendors.common.pipecat_workarounds import run_worker
from app.vendors.common.speech_model import SpeechModel
from app.vendors.common.speech_parts import Hooks, RespondFrame, TellFrame
from providers.common.json_types import JsonDict
from providers.events import EndedReason

SETUP_SECONDS = 10.0
# The longest that an assistant takes to end after it has handed the caller over.
LEAVE_SECONDS = 10.0
DISMISS_SECONDS = 2.0
LOOK_SECONDS = 0.02
HANDED = "(The call was handed to you.)"
# The longest wait for a text to be spoken.
SAY_SECONDS = 30.0
# The longest that an assistant takes to end after the end was decided: for all that it still says.
FINISH_SECONDS = 120.0


class AgentPipeline:
    """Runs one conversation on one media stream."""

    def __init__(
        self,
        stream: MediaStream,
        config: AgentConfig,
        services: CallServices,
        conversation: Conversation,
        hooks: HookRunner,
        performance: Performance,
        turns: TurnTimer,
        *,
        hold: Hold,
        handed: bool = False,
    ) -> None:
        """``turns`` measures the turns of all assistants of the call.

        ``hold``: whether a supervisor has the call, of all its assistants too.
        ``handed``: another assistant had the call before this one.
        """
        self.hold = hold
        self.stream = stream
        # The carrier hears and speaks.
        self._by_text = isinstance(stream, TextStream)
        self.config = turn_taking.by_sound(config) if services.speech else config
        self.conversation = conversation
        self.caller_mute = turn_taking.CallerMute()
        self.input, self.output = self._ends(stream)
        self.output.overheard = services.overheard
        signs = Callbacks(
            self._assistant_speaks,
            self._caller_speaks,
            self._interrupted,
            lambda text: self.changed("partial", {"text": text}),
            lambda: self.changed("responds", {}),
            lambda text: self.changed("worded", {"text": text}),
        )
        understands = (
            services.transcriber is not None and services.provider(Stage.TRANSCRIBER) != "embedded"
        )
        self._performance = performance
        speaks = services.speech is not None
        self.observer = CallObserver(signs, turns, hold, transcribed=understands, speech=speaks)
        # its type is a union of vendors' messages
        begins = config.first is FirstMessageMode.GENERATE and not handed
        opening = opening_messages(config.model, asked=begins)
        self.context = LLMContext(list(opening))  # type: ignore[arg-type]
        # Set once the pipeline runs and can take commands.
        self.ready = asyncio.Event()
        # Called with each event: a kind of ``messages.KINDS``, and its facts.
        self.changed: Callable[[str, JsonDict], None] = lambda kind, data: None
        # Hands the call to another assistant (``squad/handing.py``). Raises ``NoHandoff``.
        self.hand_over: HandOver = no_handoff
        self._parts = services
        self.spoken_text = SpokenTextTracker(lambda: self.output.unheard, services.texts)
        self._voicemail_detector = (
            VoicemailDetector(self._on_voicemail, by_text=self._by_text)
            if config.detects_voicemail
            else None
        )
        twice = services.may_be_asked_twice and not self._by_text
        eager = twice and stream.call_context.eager_model_requests
        self._eager = EagerRequests() if eager else None
        self._failures = FailurePolicy(self, services)
        self._began = dict[str, float]()
        self._speaking = False
        self._spoken = asyncio.Event()
        # How often a silent caller will still be asked whether they are there.
        self.idle_left = config.idle_count
        self._hooks = hooks
        hooks.engine = self
        if services.speech is not None:
            self._prepare(services.speech, handed=handed)
        self._caller_talks = False
        self._ending = False
        # Set once the caller is this assistant's; why it cannot talk, if it failed before.
        self._begun = asyncio.Event()
        self._broken: str | None = None
        self._left = False
        # A text was given to the voice, and the turn with it is not over.
        self._unsaid = False
        self._fenced = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._tasks = set[asyncio.Task[Any]]()
        self.worker = self._assemble()

    # -- what may be done to it from outside

    @property
    def ending(self) -> bool:
        """Whether its end is decided."""
        return self._ending

    async def warm(self) -> str | None:
        """Start the services, ahead of ``begin``. Returns why they cannot talk, as a sentence."""
        running = self._start_running()
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return self._broken or (None if self.ready.is_set() else "its pipeline did not start")

    def begin(self) -> None:
        """Take the caller: hear them, and speak first if it is this assistant's to begin."""
        self.observer.clock.quiet_since = now()
        if self._parts.speech is not None:  # it may have been made before, or after, a take-over
            self._parts.speech.answers = not self.hold.held
        self._begun.set()

    async def leave(self) -> None:
        """Let another assistant have the caller: end, with no word and no reason."""
        self._ending = self._left = True
        await self.input.leave()
        await self.worker.queue_frame(EndFrame())
        self._start(self._cut_off(LEAVE_SECONDS))

    async def dismiss(self) -> None:
        """End at once, before ``begin`` or after ``leave``."""
        self._left = True
        self._begun.set()
        if self._running is not None and not self._running.done():
            await self.worker.cancel()
            await asyncio.wait([self._running], timeout=DISMISS_SECONDS)
            self._running.cancel()
        for task in self._tasks:
            task.cancel()

    async def quiet(self) -> None:
        """Wait, within a bound, until all that was given to the voice is spoken."""
        self._fenced.clear()
        self.spoken_text.on_fence = self._fenced.set
        await self.worker.queue_frame(Fence())
        with suppress(TimeoutError):
            async with asyncio.timeout(SAY_SECONDS):
                await self._fenced.wait()
                while self._unsaid or self._answers():  # noqa: ASYNC110
                    # an interruption may end the turn, too
                    await asyncio.sleep(LOOK_SECONDS)
                await asyncio.sleep(self.stream.buffered_seconds)

    def _answers(self) -> bool:
        """Whether a model that speaks has not yet said all."""
        return self._parts.speech is not None and self._parts.speech.has_to_speak

    async def _cut_off(self, seconds: float) -> None:
        """End at once after this time: a part that hangs lets no ``EndFrame`` through."""
        await asyncio.sleep(seconds)
        await self.worker.cancel()

    def _start_running(self) -> asyncio.Task[None]:
        if self._running is None:
            self._running = asyncio.create_task(run_worker(self.worker))
        return self._running

    async def run(self) -> None:
        """Run until the carrier has gone, or until the decided end was spoken."""
        running = self._start_running()
        for each in (*timeouts.timeout_tasks(self), *self._hooks.timed_tasks()):
            self._start(each)
        if not self._by_text:
            sound, addresses = self.config.sound.background, self.stream.call_context.addresses
            self._start(background.play(self.stream, sound, addresses))
        try:
            await running
        finally:
            for task in self._tasks:
                task.cancel()

    async def say(self, text: str, *, filler: bool = False) -> None:
        """Queue this text behind the current speech. ``filler``: it is spoken while a tool runs.

        While a supervisor has the call it is dropped.
        """
        if self.hold.held:
            return
        if filler:
            self._failures.fillers.add(text)
        await self.worker.queue_frame(TTSSpeakFrame(text, append_to_context=True))

    async def say_uninterrupted(self, text: str) -> None:
        """Speak this text behind the current speech. The caller cannot interrupt either."""
        if self.hold.held:
            return
        self.caller_mute.texts += 1
        try:
            if self._speaking:
                await self._silence()
            await self.say_all(text)
        finally:
            self.caller_mute.texts -= 1

    async def say_all(self, text: str, *, filler: bool = False) -> None:
        """Speak this text, and wait until the carrier has played it, at most ``SAY_SECONDS``."""
        if self.hold.held:
            return
        self._spoken.clear()
        await self.say(text, filler=filler)
        await self._silence()

    async def _silence(self) -> None:
        """Wait, within a bound, until the carrier has played the current speech."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SAY_SECONDS):
                await self._spoken.wait()
                await asyncio.sleep(self.stream.buffered_seconds)

    async def interrupt(self) -> None:
        """Drop the current speech, and what is queued behind it."""
        self._withdraw_request()
        await self.worker.queue_frame(InterruptionFrame())

    async def hush(self) -> None:
        """Drop the current speech: a supervisor has the call. Call it once the call is held."""
        self._spoken.set()
        self._withdraw_request()
        if self._parts.speech is not None:
            self._parts.speech.answers = False
        await self.output.cut()
        # not by ``interrupt``: a caller who may not interrupt is muted, and this would be too
        await self._caller.broadcast_frame(InterruptionFrame)

    def unhush(self) -> None:
        """The assistant may speak again."""
        self.observer.clock.quiet_since = now()
        detector = self._voicemail_detector
        if self._parts.speech is not None and not (detector and detector.machine):
            self._parts.speech.answers = True

    async def supervisor_said(self, text: str, began: float) -> None:
        """Note what a supervisor said to the caller. ``began``: seconds since 1970."""
        self._withdraw_request()
        said = self.conversation.said("supervisor", text, began)
        told = spoken(said)
        if self._parts.speech:
            await self.worker.queue_frame(TellFrame(told["role"], told["content"]))
        else:
            self._note(told)
        self.changed("said", said)

    async def respond(self) -> None:
        """Ask the model for a response to the conversation as it stands."""
        if self.hold.held:
            return
        await self.worker.queue_frame(RespondFrame() if self._parts.speech else LLMRunFrame())

    async def add(self, role: str, text: str, *, respond: bool) -> None:
        """Add a message that was not spoken. ``role``: user, assistant, system."""
        respond = respond and not self.hold.held
        self._withdraw_request()
        if self._parts.speech:
            await self.worker.queue_frame(TellFrame(role, text, respond))
        elif self.hold.held:  # an interruption on its way would drop the frame
            self._note({"role": role, "content": text})
        else:
            await self._append({"role": role, "content": text}, respond=respond)
        self.changed("added", self.conversation.added(role, text))

    def _withdraw_request(self) -> None:
        """Ask the model anew at the end of a turn that is not over yet: it knows too little."""
        if self._eager is not None:
            self._eager.wanted = None

    async def _append(self, message: dict[str, str], *, respond: bool) -> None:
        append = LLMMessagesAppendFrame([message], run_llm=respond)  # type: ignore[list-item]  # its type is a union of vendors'
        # Upstream from the end of the pipeline: the assistant aggregator would hold the response
        # back while either side speaks.
        await self.worker.queue_frame(append, FrameDirection.UPSTREAM)

    def _note(self, message: dict[str, str]) -> None:
        self.context.add_message(message)  # type: ignore[arg-type]  # its type is a union of vendors'

    async def play(self, pcm: bytes) -> None:
        """Queue audio behind the current speech, before the model's next response."""
        await self.output.queue_frame(
            OutputAudioRawFrame(audio=pcm, sample_rate=self.stream.sample_rate, num_channels=1)
        )

    async def finish(
        self, reason: EndedReason, last_words: str = "", message: str | None = None
    ) -> None:
        """End the call after the last words. Only the first end counts."""
        if self._ending:
            return
        self._ending = True
        self.stream.set_end_reason(reason, message)
        if last_words:
            await self.say(last_words)
        await self.worker.queue_frame(EndFrame())
        self._start(self._cut_off(FINISH_SECONDS))

    async def abort(self, reason: EndedReason, message: str | None = None) -> None:
        """End the call at once."""
        if not self._begun.is_set():
            self._broken = message or reason.value
        elif self.stream.end_reason is None and not self._left:
            self.stream.set_end_reason(reason, message)
        self._ending = True
        await self.worker.cancel()

    # -- assembly

    def _ends(self, stream: MediaStream) -> tuple[Input, Output]:
        """What the pipeline hears and speaks with."""
        if not isinstance(stream, TextStream):
            denoiser = _denoiser(self.config)
            audio = AgentInputTransport(stream, self._caller_left, denoiser)
            return audio, AgentOutputTransport(stream, self.hold)
        output = TextOutput(
            stream, self._may_interrupt, self._given, first=self.config.first_interruptible
        )
        caller = TextInput(stream, self._caller_left, output.interruptible, lambda: self._unsaid)
        return caller, output

    def _may_interrupt(self) -> bool:
        detector = self._voicemail_detector
        machine = detector is not None and detector.machine
        ignored = self.caller_mute.is_deaf or self.input.muted or machine
        return not (ignored or self._ending)

    def _given(self, text: str) -> None:
        """The carrier's voice has a whole text."""
        self._unsaid = True
        self.changed("asked", {"text": text})

    def _prepare(self, model: SpeechModel, *, handed: bool) -> None:
        """Join a model that hears and speaks by itself with the call.

        Of one that is handed the call, the socket is opened with what was said until then.
        """
        if handed:
            model.may_open.clear()
        model.context = self.context
        model.answers = not self.hold.held
        model.preroll_seconds += self.config.stop.voice_seconds
        model.hooks = Hooks(
            self.output.playback,
            self._history,
            self._transcribed,
            self._transcribing,
            self.spoken_text.worded,
            self.spoken_text.response_begins,
        )

    def _history(self) -> list[dict[str, str]]:
        """The messages of the assistant's model, then those of the call, without its prompt."""
        opening = opening_messages(self.config.model)
        own = [each for each in opening if each["content"] != CONNECTED]
        return [*own, *self.conversation.recalled(tools=False)]

    def _assemble(self) -> PipelineWorker:
        plan, parts = self.config, self._parts
        around = self._surroundings()
        caller, assistant = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                vad_analyzer=None if self._by_text else turn_taking.detector(plan),
                user_turn_strategies=self._turns(around),
                user_turn_stop_timeout=turn_taking.stop_timeout(plan, around),
                user_mute_strategies=[
                    *turn_taking.mutes(plan, self.hold, self._speaks_first),
                    self.caller_mute,
                ],
            ),
            realtime_service_mode=parts.speech is not None,
        )
        self._caller = caller
        speaks = self._speaking_parts()
        chain: list[FrameProcessor | None] = [
            self.input,
            parts.transcriber,
            _keys(plan),
            KeysAsText(self._pressed) if parts.speech else None,
            self._voicemail_detector,
            caller,
            *speaks,
            self.output,
            self.spoken_text,
            assistant,
        ]
        rate = self.stream.sample_rate
        worker = PipelineWorker(
            Pipeline([part for part in chain if part is not None]),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,  # pipecat would cancel the call; ``timeouts`` handles silence
            observers=[self.observer],
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

    def _turns(self, around: turn_taking.Surroundings) -> UserTurnStrategies:
        if self._by_text:
            return by_carrier.strategies(self._caller_interrupts)
        return turn_taking.strategies(self.config, around)

    def _surroundings(self) -> turn_taking.Surroundings:
        parts = self._parts
        return turn_taking.Surroundings(
            self._caller_interrupts,
            lambda: self.conversation.last_said,
            self.output.hold,
            self._ask_endpoint,
            None if parts.speech else parts.ends_turns,
            self._eager,
        )

    def _speaking_parts(self) -> list[FrameProcessor | None]:
        """The model, and what speaks for it in front of the output."""
        if self._parts.voice:
            return self._cascade()
        if self._by_text:
            filtered = AfterTurnFilter(self._voicemail_detector, self.hold, self._eager)
            return [filtered, self._parts.model]
        return [self._parts.model]

    def _cascade(self) -> list[FrameProcessor | None]:
        """A model that reads and writes, and the voice behind it."""
        plan, parts = self.config, self._parts
        language = str(plan.transcriber.get("language") or "")
        speech_text.equip(parts.voice, plan.speech_text, language)
        return [
            AfterTurnFilter(self._voicemail_detector, self.hold, self._eager),
            parts.model,
            speech_text.chunker(plan.speech_text),
            parts.voice,
        ]

    def _listen(self, worker: PipelineWorker, caller: Any, assistant: Any) -> None:
        on: list[tuple[Any, str, Callable[..., Awaitable[None]]]] = [
            (worker, "on_pipeline_started", self._started),
            (worker, "on_pipeline_error", self._failures.failed),
            (worker, "on_setup_timeout", self._failures.not_started),
            (worker, "on_pipeline_timeout", self._failures.not_started),
            (caller, "on_user_turn_stopped", self._caller_spoke),
            (assistant, "on_assistant_turn_started", self._assistant_begins),
            (assistant, "on_assistant_turn_stopped", self._assistant_spoke),
        ]
        if self._parts.voice is not None:
            on.append((self._parts.voice, "on_tts_request", self._voice_asked))
        if isinstance(self._parts.model, LLMSwitcher):
            on.append((self._parts.model.strategy, "on_service_switched", self._ask_again))
        for source, event, handler in on:
            source.add_event_handler(event, handler)

    # -- what happens

    async def _started(self, _: Any, __: Frame) -> None:
        self.ready.set()
        await self._begun.wait()
        if self._left:  # the call was not handed over after all
            return
        if self._parts.speech is not None:
            self._parts.speech.may_open.set()  # what was said is known now
        if self.conversation.continues or self.conversation.history.since:
            self._recall()
        self.input.live.set()  # not before: the words of a transcriber that is quick would be lost
        if self.hold.held:
            return
        if self._may_greet:
            await self._greet()
        elif self.conversation.awaits_answer:  # the earlier socket was lost before the answer
            await self.respond()

    @property
    def _may_greet(self) -> bool:
        return self.conversation.is_new_to_assistant or not self.conversation.continues

    def _speaks_first(self) -> bool:
        return self._may_greet and self.config.first is not FirstMessageMode.WAIT

    def _recall(self) -> None:
        """Give the model what its assistant knows of the conversation before."""
        if not self._parts.remembers:
            return
        known = self.conversation.recalled(tools=isinstance(self.context.tools, ToolsSchema))
        first = known[0]["role"] if known else "user"
        if first != "user" and begins_with_user(self.config.model) and not self.context.messages:
            known.insert(0, {"role": "user", "content": CONNECTED})
        for message in known:
            self.context.add_message(message)  # type: ignore[arg-type]

    async def _greet(self) -> None:
        if self.conversation.is_new_to_assistant and self._parts.remembers:
            self._ask_to_begin()
        if self.config.first is FirstMessageMode.SPEAK:
            await self.say(self.config.first_message)
        elif self.config.first is FirstMessageMode.GENERATE:
            await self.respond()

    def _ask_to_begin(self) -> None:
        """Give the model something to answer, where it begins and the caller did not speak last."""
        if self.config.first is not FirstMessageMode.GENERATE:
            return
        messages = self.context.get_messages()
        last: Any = messages[-1] if messages else {}
        if last.get("role") != "user":
            self.context.add_message({"role": "user", "content": HANDED if messages else CONNECTED})

    async def _voice_asked(self, _: Any, context_id: str, text: str) -> None:
        self._unsaid = True
        self.observer.voice_asked()
        self.changed("asked", {"text": text})
        self._failures.asked = text
        self.spoken_text.asked(context_id, text)

    async def _caller_spoke(self, _: Any, __: Any, message: UserTurnStoppedMessage) -> None:
        if message.content:  # empty when the transcriber found no word in the noise
            self._caller_is_there()
            since = self._began.pop("user", None)
            self.changed("said", self.conversation.said("user", message.content, since))

    def _caller_is_there(self) -> None:
        self.idle_left = self.config.idle_count
        self._hooks.caller_spoke()

    def _transcribed(self, text: str, began: float, ended: float) -> None:
        """A model that hears by itself tells what the caller has said; its answer may be over."""
        self._judge(text, final=True)
        self._caller_is_there()
        self.changed("said", self.conversation.said_before("user", text, began, ended))

    def _transcribing(self, text: str) -> None:
        self._judge(text, final=False)
        self.changed("partial", {"text": text})

    def _judge(self, text: str, *, final: bool) -> None:
        """Let the voicemail detector judge a text that did not pass it."""
        detector, model = self._voicemail_detector, self._parts.speech
        if detector is not None and model is not None and detector.judge(text, final=final):
            model.answers = False

    async def _pressed(self, text: str) -> None:
        """The caller has pressed keys, and the model hears no tones."""
        self._caller_is_there()
        self.changed("said", self.conversation.said("user", text))
        await self.interrupt()
        await self.worker.queue_frame(TellFrame("user", text, respond=not self.hold.held))

    async def _assistant_begins(self, _: Any) -> None:
        self._began.setdefault("bot", time.time())

    async def _assistant_spoke(self, _: Any, message: AssistantTurnStoppedMessage) -> None:
        since = self._began.pop("bot", None)
        self._unsaid = False
        if isinstance(self.input, TextInput):
            self.input.settled.set()
        if not message.content:
            return
        more = {"interrupted": True} if message.interrupted else {}
        said = self.conversation.said("bot", message.content, since, **more)
        self.changed("said", said)
        low = message.content.lower()
        if not message.interrupted and any(phrase in low for phrase in self.config.end_phrases):
            await self.finish(EndedReason.ASSISTANT_SAID_END_CALL_PHRASE)

    def _assistant_speaks(self, speaking: bool) -> None:
        self._speaking = speaking
        if not speaking:
            self._spoken.set()
        elif self._caller_talks:
            self._performance.caller_interrupted()
            self._start(self._hooks.trigger(Moment.CUSTOMER_INTERRUPTED))
        self.changed("speech", {"role": "assistant", "status": _word(speaking)})

    def _caller_speaks(self, speaking: bool) -> None:
        self._caller_talks = speaking
        if speaking:
            self._began["user"] = time.time()
        self.changed("speech", {"role": "user", "status": _word(speaking)})

    def _interrupted(self) -> None:
        if self._speaking:
            self._performance.assistant_interrupted()
            self.changed("interrupted", {})
            self._start(self._hooks.trigger(Moment.ASSISTANT_INTERRUPTED))

    def _caller_interrupts(self) -> None:
        self.output.hold(now() + self.config.stop.backoff_seconds)

    async def _ask_endpoint(self, text: str) -> float | None:
        said = self.conversation.with_open_turn(text, self._began.get("user"))
        server = self.config.start.server
        return await endpoint_request.ask(self.stream.call_context, said, server)

    def _caller_left(self) -> None:
        """Stop: the carrier has gone, so no word can be spoken any more."""
        self._start(self.worker.cancel())

    async def _ask_again(self, *_: Any) -> None:
        """Give the request that the failed model had to the next model."""
        await self.respond()

    async def overdue(self, stage: Stage) -> None:
        """Handle a service that has missed its deadline."""
        await self._failures.overdue(stage)

    async def _on_voicemail(self) -> None:
        """Leave the voicemail message, if there is one, and end."""
        message = self.config.words_for_voicemail
        if self._ending or self.hold.held:  # the carrier's detection came first, or a person talks
            return
        if not message or self._voicemail_detector is None:
            await self.abort(EndedReason.VOICEMAIL)
            return
        await self.interrupt()
        await self._voicemail_detector.greeted()
        await self.finish(EndedReason.VOICEMAIL, message)

    def _start(self, work: Any) -> None:
        async def guarded() -> None:
            with suppress(asyncio.CancelledError):
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _keys(plan: AgentConfig) -> FrameProcessor | None:
    """Makes a turn of pressed keys; None: the assistant ignores them."""
    if not plan.keypad_enabled:
        return None
    end = KEYS.get(plan.keypad_end)
    return DTMFAggregator(timeout=plan.keypad_seconds, termination_digit=end)  # type: ignore[arg-type]  # None: no key does


def _denoiser(plan: AgentConfig) -> Any:
    """pipecat's filter of the caller's audio, imported when it is asked for."""
    if plan.sound.denoising is Denoising.OFF:
        return None
    from app.assistants.local.sound.denoise import Denoiser

    return Denoiser(plan.sound.denoising)


def _word(speaking: bool) -> str:
    return "started" if speaking else "stopped"
