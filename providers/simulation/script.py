"""What a simulated caller says in a conversation, and the recording of both sides.

Audio is PCM as in ``providers.common.audio``; files are WAV of 16 bit.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from providers.common.audio import SAMPLE_WIDTH, interleave, mono, resampled
from providers.common.dtmf import KEYS
from providers.common.json_types import JsonDict
from providers.simulation.timeline import SimulatorError

# How a conversation ends that the caller hangs up on.
CALLER_LEAVES = "customer-ended-call"
# How it ends, all being well, when the caller is still there.
ASSISTANT_LEAVES = frozenset(
    {
        "assistant-ended-call",
        "assistant-said-end-call-phrase",
        "assistant-forwarded-call",
        "silence-timed-out",
        "exceeded-max-duration",
        "voicemail",
    }
)

# Makes a WAV file of words.
Speak = Callable[[str], Path]


class When(StrEnum):
    """When a turn begins. The value is its prefix in ``--say``."""

    AFTER = ""
    """The assistant has spoken, and is quiet."""
    OVER = "+"
    """The assistant is speaking: it is interrupted."""
    AT_ONCE = ":"
    """Without listening, as an answering machine does, or a person who goes on after a pause."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the caller: a file is spoken, keys are pressed, or something else is done."""

    wav: Path | None = None
    keys: str = ""
    when: When = When.AFTER
    words: str = ""
    """What the file says, where it was made of words."""
    delay: float | None = None
    """Seconds: over the assistant, of its words before the turn; at once, of silence before it."""
    answered: bool = True
    """The assistant is to answer. False: of noise and silence."""
    act: Callable[[], None] | None = None
    """What is done in place of speaking. The caller waits until it has ended the media socket."""
    cut: bool = False
    """The network cuts the media socket in place of the turn. The phone leg lives on."""
    number: int = 0
    """The step of a test that it belongs to."""

    def __str__(self) -> str:
        does = self._does()
        return f"{does} over the assistant" if self.when is When.OVER else does

    def _does(self) -> str:
        if self.cut or self.act is not None:
            return self.words or "loses the media socket"
        said = f'"{self.words}"' if self.words else self.wav and self.wav.name
        return f"presses {self.keys}" if self.wav is None else f"says {said}"


@dataclass
class TakenTurn:
    """A turn that was begun. ``at``: seconds since 1970; ``began``, ``ended``: seconds of the tape."""

    turn: Turn
    at: float
    began: float
    ended: float | None = None


# Through the menu of an assistant without a model, without waiting.
MENU: Sequence[Turn] = (Turn(keys="2", when=When.OVER), Turn(keys="#", when=When.OVER))


def turn(text: str, speak: Speak | None = None) -> Turn:
    """Parse ``hello.wav``, ``12#`` or words, with ``+`` or ``:`` in front.

    ``speak`` makes a file of words. Raises ``SimulatorError``.
    """
    when = next((each for each in When if each and text.startswith(each)), When.AFTER)
    does = text.removeprefix(when)
    if does and set(does) <= set("".join(KEYS)):
        return Turn(keys=does, when=when)
    path, words = Path(does), ""
    if speak is not None and does.strip() and not _is_file(does):
        path, words = speak(does), does
    sound(path, rate=8000)  # reported before the call begins, not in the middle of it
    return Turn(wav=path, when=when, words=words)


def _is_file(text: str) -> bool:
    """Whether a file is meant: a missing one is a mistake, and is not read out."""
    return text.lower().endswith(".wav") or os.path.isfile(text)


def options(
    turns: Sequence[str],
    record: str | None,
    assistant_id: str | None,
    ends: str | None,
    speak: Speak | None = None,
) -> JsonDict:
    """The command line's conversation, as fields of a simulator's configuration.

    Raises ``SimulatorError``.
    """
    chosen = {
        "turns": tuple(turn(each, speak) for each in turns),
        "record": Path(record) if record else None,
        "assistant_id": assistant_id,
        "ends": ends,
        "either_ends": bool(turns) and not ends,
    }
    return {name: value for name, value in chosen.items() if value}


def sound(path: Path, rate: int) -> bytes:
    """A WAV file as mono PCM at this rate. Raises ``SimulatorError``."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, own, count = file.getparams()[:4]
            pcm = file.readframes(count)
    except (OSError, EOFError, wave.Error) as error:
        raise SimulatorError(f"{path} is neither keys nor a WAV file: {error}") from error
    if width != SAMPLE_WIDTH or channels not in (1, 2):
        raise SimulatorError(f"{path} must have 16 bit and one or two channels")
    return resampled(mono(pcm) if channels == 2 else pcm, own, rate)


@dataclass
class Tape:
    """Both sides of a conversation, equally long: what the caller said, and what was heard."""

    rate: int = 0
    """Of the media socket; 0 until there is one."""
    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.said) / SAMPLE_WIDTH / self.rate if self.rate else 0.0

    def add(self, said: bytes, heard: bytes) -> None:
        self.said += said
        self.heard += heard

    def write(self, path: Path) -> None:
        """Write a WAV file of two channels: the caller left, the assistant right."""
        with wave.open(str(path), "wb") as file:
            file.setparams((2, SAMPLE_WIDTH, self.rate, 0, "NONE", ""))
            file.writeframes(interleave(bytes(self.said), bytes(self.heard)))
