"""A transcriber with one HTTP request per utterance. Imports pipecat: load it lazily.

The caller's pause ends an utterance. There is no text before it, so nothing to interrupt by words.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.time import time_now_iso8601

from app.net.httpx_client import NotAllowed, make_client
from app.net.types import Addresses
from app.vendors.common.errors import MAX_ERROR_TEXT
from providers.common import foreign_json

# From the end of speech to the text, nearly always. Turn detection waits for it.
LATENCY_SECONDS = 1.5
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
# How long an idle connection waits for the next utterance.
KEEP_SECONDS = 30.0
# Both vendors take a minute. A longer utterance is asked for in parts.
MOST_SECONDS = 55


class SpeechRefused(Exception):
    """The vendor refused, or answered something else. ``status``: HTTP's, if it refused."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One POST."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


# 16-bit mono PCM in, its request out.
Ask = Callable[[bytes], Request]
# The answer's JSON in, the text out. Raises ``LookupError``, ``TypeError`` or ``SpeechRefused``.
Read = Callable[[Any], str]

FAILURES = (SpeechRefused, NotAllowed, httpx2.HTTPError, httpx2.InvalidURL, OSError)


class HttpTranscriber(SegmentedSTTService):
    """Transcribes whole utterances, as turn detection cuts them. Failures are error frames."""

    def __init__(
        self,
        ask: Ask,
        read: Read,
        sample_rate: int,
        *,
        model: str | None = None,
        language: str | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        """``addresses``: the rule for a client's own address; None: the operator's, as it is."""
        super().__init__(
            sample_rate=sample_rate,
            ttfs_p99_latency=LATENCY_SECONDS,
            settings=STTSettings(model=model, language=language),
        )
        self._ask, self._read = ask, read
        self._client = make_client(
            ANSWER_SECONDS,
            addresses,
            connect_seconds=CONNECT_SECONDS,
            keep_seconds=KEEP_SECONDS,
            proxies=False,
        )

    def can_generate_metrics(self) -> bool:
        return True

    @property
    def wants_wav_segments(self) -> bool:
        """False: each vendor wraps the samples as it wants them."""
        return False

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # the engine's gap
        await self._client.aclose()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        if not self.is_usable:
            return  # an utterance that waited for one that failed for good
        try:
            texts = [await self._text_of(part) for part in _parts(audio, self.sample_rate)]
        except FAILURES as error:
            yield _failure(error)
            return
        text = " ".join(filter(None, texts))
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())

    async def _text_of(self, pcm: bytes) -> str:
        request = self._ask(pcm)
        headers = {"User-Agent": "patchbay", **request.headers}
        answer = await self._client.post(request.url, content=request.body, headers=headers)
        if answer.status_code != 200:
            said = answer.text[:MAX_ERROR_TEXT]
            raise SpeechRefused(f"HTTP {answer.status_code}: {said}", answer.status_code)
        try:
            return self._read(foreign_json.parse(answer.content)).strip()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            said = answer.text[:MAX_ERROR_TEXT]
            raise SpeechRefused(f"something else than a transcript came: {said}") from error


def json_request(url: str, body: object, headers: Mapping[str, str]) -> Request:
    """A request whose body is JSON."""
    return Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def _parts(pcm: bytes, rate: int) -> Iterator[bytes]:
    size = MOST_SECONDS * rate * 2
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


def _failure(error: Exception) -> ErrorFrame:
    """pipecat classifies an answer by its status."""
    if isinstance(error, httpx2.TimeoutException):
        text = f"no transcript within {ANSWER_SECONDS:g} s"
    else:
        text = f"no transcript: {error}"
    lost = isinstance(error, httpx2.TransportError)
    category = ErrorCategory.CONNECTIVITY if lost else None
    return ErrorFrame(error=text, exception=error, category=category)
