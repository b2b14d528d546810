"""A voice that is one HTTP request per sentence. Imports pipecat: load it lazily.

Pipecat's own class of this kind takes thirteen voice names only, tries a refused request again
without saying so, and waits ten minutes for an answer.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Sequence
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.errors import ErrorCategory

from app.net.threads import run_in_thread
from app.net.types import Addresses
from app.vendors.common.resample import Converter
from app.vendors.common.speech_request import Ask, Request

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
"""Until the first sound of a sentence, and between two pieces of it."""
MAX_ERROR_TEXT = 300
"""Characters of a refusal that are kept."""

NO_SOUND = frozenset({"application/json", "text/html", "text/plain"})
"""Content types of an answer that would be heard as noise."""


class VoiceRefused(Exception):
    """The vendor said no. ``status``: HTTP's, by which the engine classifies it."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class HttpVoice(TTSService):
    """Speaks what ``ask`` requests. Sound comes out at ``sample_rate`` Hz, whatever is answered."""

    def __init__(
        self,
        ask: Ask,
        sample_rate: int,
        *,
        model: str | None = None,
        voice: str | None = None,
        addresses: Addresses | None = None,
        answer_seconds: float | None = None,
    ) -> None:
        seconds = ANSWER_SECONDS if answer_seconds is None else answer_seconds
        super().__init__(
            sample_rate=sample_rate,
            push_start_frame=True,
            push_stop_frames=True,
            # The request's own limits come first, and say more.
            stop_frame_timeout_s=CONNECT_SECONDS + seconds + 1,
            settings=TTSSettings(model=model, voice=voice, language=None),
        )
        self._ask = ask
        self._answer_seconds = seconds
        self._addresses = addresses
        self._pinned = _Pinned() if addresses else None
        self._session: aiohttp.ClientSession | None = None

    def can_generate_metrics(self) -> bool:
        """Characters spoken are counted: they are billed."""
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as every processor of the engine
        await super().setup(setup)
        connector = aiohttp.TCPConnector(
            resolver=self._pinned,
            use_dns_cache=self._pinned is None,
            force_close=bool(self._pinned),
        )
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=self._answer_seconds
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # untyped there
        if self._session is not None:
            await self._session.close()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """One sentence's sound; an ``ErrorFrame`` where it fails, before or amid the sound."""
        await self.start_tts_usage_metrics(text)
        problem: Exception | None = VoiceRefused("the answer is empty")
        try:
            async for frame in self._sound(self._ask(text), context_id):
                await self.stop_ttfb_metrics()
                problem = None
                yield frame
        except (VoiceRefused, aiohttp.ClientError, OSError, ValueError) as error:
            problem = error
        if problem is not None:
            lost = isinstance(problem, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
            category = ErrorCategory.CONNECTIVITY if lost else None  # None: by its status
            yield ErrorFrame(error=self._error_text(problem), exception=problem, category=category)
            await self.remove_audio_context(context_id)  # else it waits for sound, and says nothing

    async def _sound(self, request: Request, context_id: str) -> AsyncGenerator[Frame, None]:
        await self._pin(request.url)
        if self._session is None:
            raise VoiceRefused("the voice was not set up")
        async with self._session.post(
            request.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as answer:
            if answer.status != 200 or answer.content_type in NO_SOUND:
                said = (await answer.content.read(4 * MAX_ERROR_TEXT)).decode(errors="replace")[
                    :MAX_ERROR_TEXT
                ]
                raise VoiceRefused(f"HTTP {answer.status}: {said}", answer.status)
            converter = Converter(request.sample_rate, self.sample_rate)
            async for chunk in answer.content.iter_any():
                if pcm := converter.feed(chunk):
                    yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)
            if pcm := converter.rest():
                yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)

    async def _pin(self, url: str) -> None:
        if self._addresses is None or self._pinned is None:
            return
        try:
            self._pinned.addresses = await run_in_thread(partial(self._addresses, url))
        except Exception as error:
            raise VoiceRefused(f"the voice's server may not be asked: {error}") from error

    def _error_text(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no sound within {self._answer_seconds:g} s"
        if isinstance(error, aiohttp.ClientPayloadError):
            return "the sound broke off in mid-sentence"
        return f"no sound: {error}"


class _Pinned(AbstractResolver):
    """Resolves to the addresses that were checked, so a second look-up cannot change them."""

    def __init__(self) -> None:
        self.addresses: Sequence[str] = ()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        return None
