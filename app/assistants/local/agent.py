"""One call of the voice agent: build its services, run the pipeline, store what was said."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from app.assistants.local.config import AgentConfig, read_config, with_prompts
from app.assistants.local.failures import ended_reasons
from app.assistants.local.failures.fallback_models import in_turn
from app.assistants.local.failures.fallback_transcribers import in_reserve, spans
from app.assistants.local.hooks import HookRunner
from app.assistants.local.latency.parts import TurnLatency
from app.assistants.local.latency.performance import Performance
from app.assistants.local.latency.turns import TurnTimer
from app.assistants.local.live_control import LiveControl
from app.assistants.local.pipeline import AgentPipeline
from app.assistants.local.services import CallServices, ServiceNames, Stage
from app.assistants.local.squad.handing import Handing
from app.assistants.local.squad.member import Member, system_messages
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.takeover.listener import SupervisorListener
from app.assistants.local.takeover.take_over import TakeOver
from app.assistants.local.tools.definitions import MENU_TOOLS, Kind, Tool
from app.assistants.local.tools.execution import ToolExecutor
from app.assistants.local.tools.reading import left_out, read_operators_tools, read_tools
from app.assistants.local.transcript.conversation import NAMES, Conversation
from app.assistants.local.transcript.messages import MessageBuilder
from app.assistants.local.transcript.spoken_text import TextTiming
from app.domain.assistant.config import NO_TRANSCRIBER
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.assistant.history import following
from app.domain.services.media import StreamClaim
from app.media.call_context import CallContext
from app.media.stream import MediaStream, now
from app.media.text_stream import TextStream
from app.telemetry.call_log import call_log
from app.vendors import llm, similar, speech, stt, tts
from app.vendors.common import llm_spec
from app.vendors.common.account import VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.fallback import build_each
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.embedded import llm as embedded
from app.vendors.embedded.menu import vocabulary
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

log = call_log(__name__)

# Messages only for a server that lists them: several for each sentence.
ONLY_WANTED = frozenset({"model-output", "voice-input"})
STARTED = "assistant.started"
# The longest wait for the carrier to take a call that is transferred.
TRANSFER_SECONDS = 30.0


class VoiceAgent:
    """A voice agent, from the first word to the last: one assistant, or several in turn."""

    def __init__(self, claim: StreamClaim, stream: MediaStream) -> None:
        self._claim = claim
        self._stream = stream
        self._call_context = stream.call_context
        config = read_config(claim.assistant)
        self.conversation = Conversation(
            system_messages(config),
            before=claim.call.get("messages") or (),
            clock=time.time,
            names=_names(config),
            history=claim.history,
        )
        self._hooks = HookRunner(claim.assistant.hooks, stream.call_context)
        self._messages = MessageBuilder(self.conversation)
        before = claim.call.get("artifact") or {}
        self._performance = Performance(before.get("performanceMetrics") or {}, self._answered)
        self._turns = TurnTimer(stream.sounds, self._performance.add)
        self._handing = Handing(
            self._call_context, self.conversation, self._build_next, self._artifact, self._switched
        )
        self._hold = Hold(claim.taken_over)
        # The assistant that talks, and the one that has the call as soon as this one has left.
        self._member: Member | None = None
        self._next: Member | None = None

    async def run(self) -> None:
        """Return once the call is over, or has to end as the stream's ``end_reason`` says."""
        try:
            self._next = await self._build(self._claim, self._hooks)
        except UnbuildableAssistant as problem:
            stage = Stage(problem.stage)
            self._stream.set_end_reason(
                ended_reasons.unbuildable(stage, problem.provider), str(problem)
            )
            await self._end()
            return
        self._begin()
        self._next.engine.begin()
        self._control = LiveControl(self._next.engine)
        listener = SupervisorListener(self._stream, lambda: self._call_context.claim)
        supervisors = TakeOver(
            self._stream, self._hold, lambda: self._control.engine, listener.listen
        )
        following = [
            asyncio.create_task(self._follow(self._next, follow))
            for follow in (
                lambda: self._control.follow(self._call_context.commands),
                supervisors.follow,
            )
        ]
        try:
            while self._next is not None:
                self._member, self._next = self._next, None
                await self._run_member(self._member)
        finally:
            for task in following:
                task.cancel()
            await supervisors.close()
            self._call_context.add_usage(listener.usage())
            for each in (self._member, self._next):
                if each is not None:
                    await each.engine.dismiss()
        await self._end()

    async def _build(
        self, claim: StreamClaim, hooks: HookRunner, *, handed: bool = False
    ) -> Member:
        """An assistant with its services. Raises ``UnbuildableAssistant``."""
        own = read_config(claim.assistant)
        config = self._opening_plan(claim, own, handed=handed)
        parts = await asyncio.to_thread(
            _make_services, config, claim, self._stream, self._call_context
        )
        values = dict(claim.values)
        config = replace(config, values=values)
        engine = AgentPipeline(
            self._stream,
            config,
            parts,
            self.conversation,
            hooks,
            self._performance,
            self._turns,
            hold=self._hold,
            handed=handed or self.conversation.is_new_to_assistant,
        )
        engine.changed = self._changed
        executor = ToolExecutor(engine, self._call_context, self._tools(claim, config), values)
        executor.equip(parts.model)
        hooks.run_tool = executor.run_for_hook
        _note_connections(engine, parts)
        member = Member(claim, config, parts, hooks, engine, values, system_messages(own))
        engine.hand_over = partial(self._handing.hand_over, member)
        return member

    async def _build_next(self, claim: StreamClaim) -> Member:
        hooks = HookRunner(claim.assistant.hooks, self._call_context)
        return await self._build(claim, hooks, handed=True)

    async def _run_member(self, member: Member) -> None:
        """Run an assistant until the call is over, or another one has it."""
        began = now()
        try:
            await member.engine.run()
        finally:
            self._update_call()
            self._add_usage(member, now() - began)

    def _switched(self, member: Member) -> None:
        """The call is another assistant's from now on."""
        self._next, self._hooks = member, member.hooks
        self._control.engine = member.engine
        forbidden = member.claim.assistant.recording.is_forbidden
        self._stream.pause_recording(paused=forbidden)
        self._update_call()
        self._tell_started()

    async def _end(self) -> None:
        """Carry out the hooks of the end. A transferred call goes on without this assistant."""
        reason = self._stream.end_reason
        known = reason[0] if reason else EndedReason.CUSTOMER_ENDED_CALL
        if await self._hooks.ending(known.value):
            self._stream.end_reason = None
            await asyncio.sleep(TRANSFER_SECONDS)  # the socket is closed for the transfer

    async def _follow(self, first: Member, follow: Callable[[], Awaitable[None]]) -> None:
        """Carry out what comes from outside, once the first assistant can."""
        await first.engine.ready.wait()
        await follow()

    def _opening_plan(
        self, claim: StreamClaim, config: AgentConfig, *, handed: bool
    ) -> AgentConfig:
        """The config for this socket.

        An answering machine gets the voicemail message, not the first message. An assistant that is
        handed a caller answers at once, unless it says that it waits.
        """
        talk, to = self.conversation, claim.handed
        history = following(talk.history, talk.messages, to.destination) if to else talk.history
        if earlier := talk.earlier_prompts(history):
            config = with_prompts(config, earlier)
        if self._call_context.received("voicemail"):
            return replace(config, first=FirstMessageMode.WAIT)
        if handed := handed or talk.is_new_to_assistant:
            config = replace(config, detects_voicemail=False)  # the caller has talked already
        waits = claim.assistant.json.get("firstMessageMode") == FirstMessageMode.WAIT.value
        if handed and config.first is FirstMessageMode.WAIT and not waits:
            return replace(config, first=FirstMessageMode.GENERATE)
        return config

    def _tools(self, claim: StreamClaim, config: AgentConfig) -> list[Tool]:
        """The assistant's tools; of the embedded menu, those that it calls."""
        is_menu = _provider(config.model) == "embedded"
        if is_menu and not claim.transfer:
            return MENU_TOOLS
        for why in left_out(claim.assistant, of_operator=bool(claim.transfer)):
            log.warning("call %s: a tool is left out: %s", claim.call_id, why)
        if not claim.transfer:
            return read_tools(claim.assistant)
        ends = [each for each in MENU_TOOLS if is_menu and each.kind is Kind.END_CALL]
        return [*read_operators_tools(claim.assistant), *ends]

    def _changed(self, kind: str, data: JsonDict) -> None:
        if kind in ("said", "tool", "added"):
            self._update_call()
        for each, extra in self._messages.of(kind, data):
            if each not in ONLY_WANTED or self._wants(each):
                self._call_context.send_message(each, extra)

    def _wants(self, kind: str) -> bool:
        """Whether the assistant names this type for its server or for those who listen."""
        config = self._call_context.claim.assistant
        return kind in config.server_messages or kind in (config.client_messages or ())

    def _begin(self) -> None:
        """Tell that the first assistant has started, once per call."""
        if not self.conversation.continues:
            self._tell_started()

    def _tell_started(self) -> None:
        if self._wants(STARTED):
            public, _ = self._call_context.claim.assistant.parts
            self._call_context.send_message(STARTED, {"newAssistant": public.json})

    def _add_usage(self, member: Member, seconds: float) -> None:
        services, spender = member.services, member.claim.spender
        others = {service.name: config for service, config in services.configs.items()}
        usage = member.engine.observer.usage
        heard = [
            (services.configs[each], spent)
            for each, spent in spans(services.transcriber, seconds)
            if usage.reached(each)
        ]
        if services.speech is not None and services.speech.transcriber:
            ears = {"provider": services.named.model, "model": services.speech.transcriber}
            heard.append((ears, services.speech.heard_seconds))
        items = usage.items(member.config.model, services.spoken, heard, seconds, others)
        self._call_context.add_usage([{**item, "stream": spender} for item in items])

    def _artifact(self) -> JsonDict:
        return {**self.conversation.artifact(), **self._performance.artifact()}

    def _update_call(self) -> None:
        self._call_context.update_call(self._artifact())

    def _answered(self, turn: TurnLatency) -> None:
        """A turn's answer is audible."""
        for timing, seconds in turn.spans:
            self._call_context.observe(timing, seconds)
        log.info(
            "call %s: answered after %s",
            self._claim.call_id,
            turn.told,
            extra={"callId": self._claim.call_id},
        )


def _note_connections(engine: AgentPipeline, parts: CallServices) -> None:
    """Note which transcribers are connected: they cost also in silence."""
    worked = engine.observer.usage.worked

    async def connected(service: object, *_: object) -> None:
        worked.add(service)

    if parts.transcriber is not None:
        for service in getattr(parts.transcriber, "services", [parts.transcriber]):
            service.add_event_handler("on_connected", connected)


def _make_services(
    config: AgentConfig, claim: StreamClaim, stream: MediaStream, call_context: CallContext
) -> CallServices:
    """Build the three services. Raises ``UnbuildableAssistant``."""
    accounts, rate = claim.accounts, stream.sample_rate
    configs = dict[Any, Config]()
    if isinstance(stream, TextStream):
        model = _model(config, claim, call_context, configs)
        names = ServiceNames("", _provider(config.model), "")
        return CallServices(None, model, None, names, {}, configs=configs)
    if speech.is_speech(config.model):
        return _make_speech(config, claim, rate, call_context)
    voice = _voice(config, claim, call_context)
    custom = Custom(call_context.addresses, claim.call)
    model = _model(config, claim, call_context, configs)
    return CallServices(
        _make_transcriber(config, accounts, rate, model, call_context, configs),
        model,
        tts.make_voice(voice, accounts, rate, custom=custom),
        ServiceNames(
            _provider(config.transcriber),
            _provider(config.model),
            _provider(voice),
        ),
        voice,
        _text_timing(_provider(voice)),
        configs,
    )


def _make_speech(
    config: AgentConfig, claim: StreamClaim, rate: int, call_context: CallContext
) -> CallServices:
    """Build a model that hears and speaks by itself. Raises ``UnbuildableAssistant``."""
    model = speech.make_speech_model(
        config.model,
        config.voice,
        config.transcriber,
        claim.accounts,
        rate,
        call_context.addresses,
    )
    names = ServiceNames("", _provider(config.model), _provider(config.voice))
    return CallServices(None, model, None, names, config.voice, configs={model: config.model})


def _voice(config: AgentConfig, claim: StreamClaim, call_context: CallContext) -> JsonObject:
    """The ``voice`` that speaks. One that is not the assistant's own is logged."""
    own, table = config.voice, call_context.vapi_voices
    voice = tts.choose(own, claim.accounts, call_context.fallback_voice, table)
    if _provider(voice) != _provider(own):
        unknown = similar.told(own, table) if similar.is_spoken_by_others(own) else None
        log.log(
            logging.WARNING if unknown else logging.INFO,
            "call %s: the voice %r is spoken by %r%s",
            claim.call_id,
            _name(own),
            _name(voice),
            f"; {unknown}" if unknown else "",
            extra={"callId": claim.call_id},
        )
    return voice


def _name(voice: JsonObject) -> str:
    """``openai:alloy``"""
    return ":".join(str(voice[name])[:80] for name in ("provider", "voiceId") if voice.get(name))


def _make_transcriber(
    config: AgentConfig,
    accounts: VendorAccounts,
    rate: int,
    model: Any,
    call_context: CallContext,
    configs: dict[Any, Config],
) -> Any:
    """None for a keypad menu. The embedded recogniser gets the menu's vocabulary."""
    if config.transcriber == NO_TRANSCRIBER:
        return None

    def make(chosen: Config) -> Any:
        if _provider(chosen) == "embedded" and isinstance(model, embedded.EmbeddedModel):
            chosen = {"words": vocabulary(model.menu), **chosen}
        return stt.make_transcriber(chosen, accounts, rate, call_context.addresses)

    made = stt.make_transcribers(config.transcriber, make, call_context.fallback_transcriber)
    configs.update({service: each for each, service in made})
    return in_reserve([service for _, service in made])


def _text_timing(voice: str) -> TextTiming:
    if tts.has_word_times(voice):
        return TextTiming.WORDS
    return TextTiming.AHEAD if tts.is_asked_ahead(voice) else TextTiming.BEHIND


def _model(
    config: AgentConfig,
    claim: StreamClaim,
    call_context: CallContext,
    configs: dict[Any, Config],
) -> Any:
    """Build the assistant's models as one service.

    Raises the first model's error if none can be built.
    """
    if _provider(config.model) == "embedded":
        return embedded.make(
            config.model,
            guessed=_provider(config.transcriber) == "embedded",
            of_operator=bool(claim.transfer),
        )

    def make(chosen: Config) -> Any:
        return llm.make_model(chosen, claim.accounts, claim.call, call_context.addresses)

    found = llm_spec.candidates(config.model, call_context.fallback_model)
    made = build_each(found, make)
    if not made:
        raise UnbuildableAssistant("model", "", "model.provider is missing")
    configs.update({service: each for each, service in made})
    return in_turn([service for _, service in made])


def _names(config: AgentConfig) -> dict[str, str] | None:
    """How the transcript names who speaks; None: the call keeps none."""
    if not config.has_transcript:
        return None
    return {**NAMES, "user": config.user_name, "bot": config.assistant_name}


def _provider(config: JsonObject) -> str:
    return str(config.get("provider") or "")
