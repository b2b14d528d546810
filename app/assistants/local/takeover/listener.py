"""Makes the transcribers of supervisors, as the assistant's own is made, and counts their cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.stt_service import STTService

from app.assistants.local.config import AgentConfig, read_config
from app.assistants.local.failures.fallback_transcribers import in_reserve, spans
from app.assistants.local.takeover.words import Said, SupervisorWords
from app.assistants.local.transcript.usage import transcriber_item
from app.domain.assistant.config import NO_TRANSCRIBER
from app.domain.services.media import StreamClaim
from app.media.stream import MediaStream, now
from app.telemetry.call_log import call_log
from app.vendors import speech, stt
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict

EMBEDDED = "embedded"
"""This recogniser knows a menu's words only, and a supervisor says others."""

log = call_log(__name__)


class SupervisorListener:
    """The transcribers of one call's supervisors."""

    def __init__(self, stream: MediaStream, claim: Callable[[], StreamClaim]) -> None:
        """``claim``: of the assistant that has the call now."""
        self._stream = stream
        self._claim = claim
        self._items = list[JsonDict]()
        stream.supervision.is_transcribed = understands(read_config(claim().assistant))

    async def listen(self, said: Said) -> SupervisorWords | None:
        """What transcribes a supervisor; None: the assistant has no transcriber for it."""
        claim = self._claim()
        config = read_config(claim.assistant)
        if not understands(config):
            log.warning("a supervisor speaks, and the assistant has no transcriber for the words")
            return None
        addresses = self._stream.call_context.addresses
        rate, began = self._stream.sample_rate, now()

        def make(chosen: Config) -> STTService | None:
            return stt.make_transcriber(chosen, claim.accounts, rate, addresses)

        fallback = self._stream.call_context.fallback_transcriber
        try:
            made = await asyncio.to_thread(
                stt.make_transcribers, config.transcriber, make, fallback
            )
        except UnbuildableAssistant as problem:
            log.warning("a supervisor's words are not transcribed: %s", problem)
            return None
        if not made:
            return None
        part, configs = in_reserve([each for _, each in made]), _configs(made)

        def spent() -> None:
            for service, seconds in spans(part, now() - began):
                self._items.append(transcriber_item(configs[service], seconds))

        return SupervisorWords(part, rate, said, spent)

    def usage(self) -> list[JsonDict]:
        """The items of usage, as ``Usage.items``; each once."""
        items, self._items = self._items, []
        return [{**each, "stream": self._claim().spender} for each in items]


def _configs(made: Sequence[tuple[Config, STTService]]) -> Mapping[FrameProcessor, Config]:
    return {service: config for config, service in made}


def understands(config: AgentConfig) -> bool:
    """Whether what a supervisor says becomes text."""
    if config.transcriber == NO_TRANSCRIBER or speech.is_speech(config.model):
        return False
    return config.transcriber.get("provider") not in (None, EMBEDDED)
