"""The real programs with the weights of their packages: what Piper says, Whisper understands.

``patchbay[local,local-models]`` is not part of the tests' packages: without it this file does not
run, and the summary says so.
"""

from __future__ import annotations

import re
from typing import Any

from app.vendors.common.account import NO_ACCOUNT
from app.vendors.piper import models as piper
from app.vendors.piper import speaking
from app.vendors.whisper import listening, worker
from app.vendors.whisper import models as whisper
from tests.clock import in_real_time

SENTENCE = "I would like to book a table for four people on Friday evening."


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


async def spoken(speed: float) -> bytes:
    voice = piper.choose({}, NO_ACCOUNT)
    return b"".join([pcm async for pcm in speaking.speak(SENTENCE, voice, 8000, speed)])


@in_real_time
async def test_what_one_says_the_other_understands() -> None:
    await listening.start(NO_ACCOUNT)
    sound, quick = await spoken(1.0), await spoken(1.5)
    assert 2 < len(sound) / 16_000 < 6
    assert len(quick) < 0.8 * len(sound)
    model = whisper.choose({}, NO_ACCOUNT)
    heard = words(await listening.listen(sound, 8000, model, "en"))
    assert len(set(heard) & set(words(SENTENCE))) >= 9  # of 11
    heard = words(await listening.listen(sound, 8000, model, None))  # it finds the language out
    assert "friday" in heard
    assert await listening.listen(bytes(16_000), 8000, model, "en") == ""


class Seen:
    """Whisper's model, with a note of how many frames it was given."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.frames = list[int]()

    def encode(self, features: Any, **more: Any) -> Any:
        self.frames.append(features.shape[-1])
        return self.model.encode(features, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def test_it_looks_at_the_utterance_only() -> None:
    """Else a sentence would take as long as half a minute."""
    ears, source = worker.Whisper(1), whisper.choose({}, NO_ACCOUNT).source
    loaded = ears._loaded(source)
    loaded.model = seen = Seen(loaded.model)
    for seconds in (1, 5, 29):
        ears.hear(source, "en", bytes(2 * worker.RATE * seconds))
    assert seen.frames == [worker.FEWEST, 1100, worker.WHOLE]
