"""One call of the voice agent: build its services, run the pipeline, store what was said."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

from app.assistants.local.config import AgentConfig, read_config
from app.assistants.local.failures import ended_reasons
from app.assistants.local.failures.fallback_models import in_turn
from app.assistants.local.failures.fallback_transcribers import in_reserve, spans
from app.assistants.local.hooks import HookRunner
from app.assistants.local.latency.parts import TurnLatency
from app.assistants.local.latency.performance import Performance
from app.assistants.local.live_control import LiveControl
from app.assistants.local.pipeline import AgentPipeline
from app.assistants.local.services import CallServices, ServiceNames, Stage
from app.assistants.local.tools.definitions import MENU_TOOLS, Tool
from app.assistants.local.tools.execution import ToolExecutor
from app.assistants.local.tools.reading import left_out, read_tools
from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.messages import MessageBuilder
from app.assistants.local.transcript.spoken_text import TextTiming
from app.domain.assistant.config import NO_TRANSCRIBER
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.services.media import StreamClaim
from app.media.call_context import CallContext
from app.media.stream import MediaStream, now
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
    """A voice agent, from the first word to the last."""

    def __init__(self, claim: StreamClaim, stream: MediaStream) -> None:
        self._claim = claim
        self._stream = stream
        self._values = dict(claim.values)
        self._config = read_config(claim.assistant)
        self.conversation = Conversation(
            [each for each in self._config.messages if each.get("role") == "system"],
            before=claim.call.get("messages") or (),
            clock=time.time,
            names=_names(self._config),
        )
        self._hooks = HookRunner(claim.assistant.hooks, stream.call_context)
        self._messages = MessageBuilder(self.conversation)
        before = claim.call.get("artifact") or {}
        self._performance = Performance(before.get("performanceMetrics") or {}, self._answered)

    async def run(self) -> None:
        """Return once the call is over, or has to end as the stream's ``end_reason`` says."""
        try:
            parts = await asyncio.to_thread(
                _make_services,
                self._config,
                self._claim,
                self._stream.sample_rate,
                self._stream.call_context,
            )
        except UnbuildableAssistant as problem:
            stage = Stage(problem.stage)
            self._stream.set_end_reason(
                ended_reasons.unbuildable(stage, problem.provider), str(problem)
            )
            await self._end()
            return
        self.engine = AgentPipeline(
            self._stream,
            self._opening_plan(),
            parts,
            self.conversation,
            self._hooks,
            self._performance,
        )
        self.engine.changed = self._changed
        executor = ToolExecutor(self.engine, self._stream.call_context, self._tools(), self._values)
        executor.equip(parts.model)
        self._hooks.run_tool = executor.run_for_hook
        self._note_connections(parts)
        self._begin()
        following = asyncio.create_task(self._follow_commands())
        began = now()
        try:
            await self.engine.run()
        finally:
            following.cancel()
            self._update_call()
            self._add_usage(parts, now() - began)
        await self._end()

    async def _end(self) -> None:
        """Carry out the hooks of the end. A transferred call goes on without this assistant."""
        reason = self._stream.end_reason
        known = reason[0] if reason else EndedReason.CUSTOMER_ENDED_CALL
        if await self._hooks.ending(known.value):
            self._stream.end_reason = None
            await asyncio.sleep(TRANSFER_SECONDS)  # the socket is closed for the transfer

    def _note_connections(self, parts: CallServices) -> None:
        """Note which transcribers are connected: they cost also in silence."""
        worked = self.engine.observer.usage.worked

        async def connected(service: object, *_: object) -> None:
            worked.add(service)

        if parts.transcriber is not None:
            for service in getattr(parts.transcriber, "services", [parts.transcriber]):
                service.add_event_handler("on_connected", connected)

    async def _follow_commands(self) -> None:
        await self.engine.ready.wait()
        await LiveControl(self.engine).follow(self._stream.call_context.commands)

    def _opening_plan(self) -> AgentConfig:
        """The config for this socket.

        An answering machine gets the voicemail message, not the first message.
        """
        machine = self._stream.call_context.received("voicemail")
        return replace(self._config, first=FirstMessageMode.WAIT) if machine else self._config

    def _tools(self) -> list[Tool]:
        """The assistant's tools; of the embedded menu, those that it calls."""
        if _provider(self._config.model) == "embedded":
            return MENU_TOOLS
        for why in left_out(self._claim.assistant):
            log.warning("call %s: a tool is left out: %s", self._claim.call_id, why)
        return read_tools(self._claim.assistant)

    def _changed(self, kind: str, data: JsonDict) -> None:
        if kind in ("said", "tool", "added"):
            self._update_call()
        for each, extra in self._messages.of(kind, data):
            if each not in ONLY_WANTED or self._wants(each):
                self._stream.call_context.send_message(each, extra)

    def _wants(self, kind: str) -> bool:
        """Whether the assistant names this type for its server or for those who listen."""
        config = self._claim.assistant
        return kind in config.server_messages or kind in (config.client_messages or ())

    def _begin(self) -> None:
        """Tell that the assistant has started, once per call."""
        if not self.conversation.continues and self._wants(STARTED):
            public, _ = self._claim.assistant.parts
            self._stream.call_context.send_message(STARTED, {"newAssistant": public.json})

    def _add_usage(self, services: CallServices, seconds: float) -> None:
        others = {service.name: config for service, config in services.configs.items()}
        usage = self.engine.observer.usage
        heard = [
            (services.configs[each], spent)
            for each, spent in spans(services.transcriber, seconds)
            if usage.reached(each)
        ]
        if services.speech is not None and services.speech.transcriber:
            ears = {"provider": services.named.model, "model": services.speech.transcriber}
            heard.append((ears, services.speech.heard_seconds))
        items = usage.items(self._config.model, services.spoken, heard, seconds, others)
        self._stream.call_context.add_usage(list(items))

    def _update_call(self) -> None:
        self._stream.call_context.update_call(
            {**self.conversation.artifact(), **self._performance.artifact()}
        )

    def _answered(self, turn: TurnLatency) -> None:
        """A turn's answer is audible."""
        for timing, seconds in turn.spans:
            self._stream.call_context.observe(timing, seconds)
        log.info(
            "call %s: answered after %s",
            self._claim.call_id,
            turn.told,
            extra={"callId": self._claim.call_id},
        )


def _make_services(
    config: AgentConfig, claim: StreamClaim, rate: int, call_context: CallContext
) -> CallServices:
    """Build the three services. Raises ``UnbuildableAssistant``."""
    accounts = claim.accounts
    configs = dict[Any, Config]()
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
        return embedded.make(config.model, guessed=_provider(config.transcriber) == "embedded")

    def make(chosen: Config) -> Any:
        return llm.make_model(chosen, claim.accounts, claim.call, call_context.addresses)

    found = llm_spec.candidates(config.model, call_context.fallback_model)
    made = build_each(found, make)
    if not made:
        raise UnbuildableAssistant("model", "", "model.provider is missing")
    configs.update({service: each for each, service in made})
    return in_turn([service for _, service in made])


def _names(config: AgentConfig) -> dict[str, str] | None:
    """How the transcript names both roles; None: the call keeps none."""
    if not config.has_transcript:
        return None
    return {"user": config.user_name, "bot": config.assistant_name}


def _provider(config: JsonObject) -> str:
    return str(config.get("provider") or "")
