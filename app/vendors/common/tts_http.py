"""A voice with one HTTP request per sentence. Imports pipecat: load it lazily.

pipecat's own class for this accepts thirteen voice names only. It silently retries a refused
request, and waits ten minutes for an answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import httpx2
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.errors import ErrorCategory

from app.net.authentication import Signer
from app.net.httpx_client import NotAllowed, make_client
from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import MAX_ERROR_TEXT
from app.vendors.common.resample import Converter
from app.vendors.common.speech_request import Ask, Request
from app.vendors.common.tts_part import Custom, address_rule
from app.vendors.common.vendor import Config

CONNECT_SECONDS = 5.0
# Until the first audio of a sentence, and between two pieces of it.
ANSWER_SECONDS = 5.0
# How long a vendor's idle connection waits for the next sentence.
KEEP_SECONDS = 15.0
# Endings of content types that would sound as noise, as ``application/problem+json`` does.
NO_SOUND = ("json", "xml", "html")
# Bytes at the beginning that tell text from sound: no voice is 16 letters in a row.
LOOKED_AT = 16


class VoiceRefused(Exception):
    """The vendor refused. ``status``: HTTP's, by which pipecat classifies the error."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class BrokeOff(Exception):
    """The audio ended early."""


# The errors of one sentence.
FAILURES = (VoiceRefused, BrokeOff, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)


class HttpVoice(TTSService):
    """Speaks the audio of ``ask``'s requests, at ``sample_rate`` Hz from any rate."""

    def __init__(
        self,
        ask: Ask,
        sample_rate: int,
        *,
        model: str | None = None,
        voice: str | None = None,
        addresses: Addresses | None = None,
        answer_seconds: float | None = None,
        signer: Signer | None = None,
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
        self._client = make_client(
            seconds,
            addresses,
            connect_seconds=CONNECT_SECONDS,
            # A client's server may close an idle connection just as the next sentence is sent.
            keep_seconds=0 if addresses else KEEP_SECONDS,
            retries=False,
            proxies=False,
            signer=signer,
        )

    def can_generate_metrics(self) -> bool:
        """True: the spoken characters are counted, because they are billed."""
        return True

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # untyped there
        await self._client.aclose()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield one sentence's audio; an ``ErrorFrame`` if it fails, before or within the audio."""
        await self.start_tts_usage_metrics(text)
        problem: Exception | None = VoiceRefused("the answer is empty")
        try:
            async for frame in self._sound(self._ask(text), context_id):
                await self.stop_ttfb_metrics()
                problem = None
                yield frame
        except NotAllowed as error:
            problem = VoiceRefused(f"the voice's server may not be asked: {error}")
        except FAILURES as error:
            problem = error
        if problem is not None:
            lost = isinstance(problem, httpx2.TransportError | BrokeOff)
            category = ErrorCategory.CONNECTIVITY if lost else None  # None: by its status
            yield ErrorFrame(error=self._error_text(problem), exception=problem, category=category)
            await self.remove_audio_context(context_id)  # else it waits for sound, and says nothing

    async def _sound(self, request: Request, context_id: str) -> AsyncGenerator[Frame, None]:
        headers = {"User-Agent": "patchbay", **request.headers}
        async with self._client.stream(
            "POST", request.url, content=request.body, headers=headers
        ) as answer:
            is_foreign = request.reader is None and _is_text(_kind(answer))
            if answer.status_code != 200 or is_foreign:
                said = await _beginning(answer)
                raise VoiceRefused(f"HTTP {answer.status_code}: {said}", answer.status_code)
            converter = Converter(request.sample_rate, self.sample_rate)
            async for chunk in _sound_only(_sound_within(answer, request)):
                if pcm := converter.feed(chunk):
                    yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)
            if pcm := converter.rest():
                yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)

    def _error_text(self, error: Exception) -> str:
        if isinstance(error, httpx2.TimeoutException):
            return f"no sound within {self._answer_seconds:g} s"
        if isinstance(error, BrokeOff):
            return "the sound broke off in mid-sentence"
        return f"no sound: {error}"


def http_voice(
    ask: Ask, config: Config, account: VendorAccount, sample_rate: int, custom: Custom
) -> HttpVoice:
    """The voice of a vendor's account, at ``sample_rate`` Hz."""
    return HttpVoice(
        ask,
        sample_rate,
        model=config.get("model"),
        voice=config.get("voiceId"),
        addresses=address_rule(account, custom),
    )


async def _sound_within(answer: httpx2.Response, request: Request) -> AsyncIterator[bytes]:
    """Yield the PCM of an answer as it comes. Raises ``BrokeOff`` and ``NoSound``."""
    reader = request.reader() if request.reader else None
    async for piece in _pieces(answer):
        yield reader.feed(piece) if reader else piece
    if reader:
        yield reader.rest()


async def _pieces(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield the answer's body as it comes. Raises ``BrokeOff``."""
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except (httpx2.NetworkError, httpx2.ProtocolError) as error:
        raise BrokeOff from error


async def _sound_only(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of sound. Raises ``VoiceRefused`` for a text, whatever its type says."""
    begun, looked = b"", False
    async for piece in pieces:
        if looked:
            yield piece
            continue
        begun += piece
        if len(begun) >= LOOKED_AT:
            _refuse_text(begun)
            looked = True
            yield begun
    if not looked and begun:
        _refuse_text(begun)
        yield begun


def _refuse_text(begun: bytes) -> None:
    """Raise ``VoiceRefused`` if this is the beginning of JSON, a page, or another text."""
    if begun[:LOOKED_AT].isascii() and begun[:LOOKED_AT].decode().replace("\n", " ").isprintable():
        said = begun.decode(errors="replace")[:MAX_ERROR_TEXT]
        raise VoiceRefused(f"a text came instead of sound: {said}")


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(NO_SOUND)


async def _beginning(answer: httpx2.Response) -> str:
    """The beginning of a refusal's text."""
    said = b""
    async for piece in answer.aiter_bytes():
        said += piece
        if len(said) >= 4 * MAX_ERROR_TEXT:  # bytes of one character
            break
    return said.decode(errors="replace")[:MAX_ERROR_TEXT]


def _kind(answer: httpx2.Response) -> str:
    content_type: str = answer.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()
