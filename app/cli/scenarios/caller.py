"""The turns of a scenario as those of the simulated caller: WAV files, keys, faults."""

from __future__ import annotations

import random
import struct
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.cli.scenarios.faults import FAULTS, Needs
from app.cli.scenarios.loading import BadScenario, Loaded
from app.cli.scenarios.schema import Turn as Step
from providers.common.audio import SAMPLE_WIDTH, level
from providers.simulation.script import Speak, Turn, When, sound
from providers.simulation.timeline import SimulatorError

# Hz; a carrier's line has this or less.
RATE = 16_000
# Peak of the noise: about as loud as a television beside the caller.
NOISE = 2_500
# The end of speech, where a WAV file has silence behind it.
QUIET = 200
STEP_SECONDS = 0.02
# Faults that happen at a moment of the call. Those of a vendor go on.
MOMENTS = (Needs.SOCKET, Needs.PROCESS)


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a turn between two pauses. ``until``: the second of the turn where they are said."""

    words: str
    until: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of a turn: PCM at ``RATE``, and which words it has where."""

    pcm: bytes
    pieces: tuple[Piece, ...] = ()


# What a fault does to the bridge's process, by the fault's name.
Acts = Mapping[str, Callable[[], None]]


def prepare(loaded: Loaded, speak: Speak, directory: Path) -> dict[int, Spoken]:
    """The sounds of a scenario's turns, by the turn's number. Writes ``NUMBER.wav`` for each.

    Raises ``BadScenario``.
    """
    found = dict[int, Spoken]()
    for number, step in enumerate(loaded.scenario.turns):
        try:
            spoken = _sound(step, loaded, speak)
        except SimulatorError as error:
            text = f"{loaded.name}: turns[{number}]: {error}"
            raise BadScenario(loaded.error("turns", text)) from error
        if spoken is not None:
            found[number] = spoken
            _write(directory / f"{number}.wav", spoken.pcm)
    return found


def turns(loaded: Loaded, directory: Path, acts: Acts) -> Iterator[Turn]:
    """The simulator's turns. ``directory`` has the files of ``prepare``."""
    for number, step in enumerate(loaded.scenario.turns):
        if step.listens or (step.fault and FAULTS[step.fault.name].needs not in MOMENTS):
            continue
        when, delay = _when(step)
        words, quiet = step.words, bool(step.silence_ms or step.noise_ms or step.fault)
        if step.fault is not None:
            name = step.fault.name
            cut, act = name not in acts, acts.get(name)
            words = FAULTS[name].does
            yield Turn(None, "", when, words, delay, False, act, cut, number)
        else:
            file = directory / f"{number}.wav"
            wav = None if step.dtmf else file
            words = words or _noise_words(step)
            yield Turn(wav, step.dtmf or "", when, words, delay, not quiet, None, False, number)


def _noise_words(step: Step) -> str:
    if step.silence_ms:
        return f"[{step.silence_ms} ms of silence]"
    return f"[{step.noise_ms} ms of noise]" if step.noise_ms else ""


def _when(step: Step) -> tuple[When, float | None]:
    after = step.send_after
    if after is None:
        return When.AFTER, None
    return (When.OVER if after.event else When.AT_ONCE), after.delay_ms / 1000


def _sound(step: Step, loaded: Loaded, speak: Speak) -> Spoken | None:
    """Raises ``SimulatorError``."""
    if step.audio is not None:
        pcm = sound(loaded.beside(step.audio), RATE)
        until = seconds(trimmed(pcm))
        return Spoken(pcm, (Piece(step.words, until),) if step.words else ())
    if step.silence_ms:
        return Spoken(silence(step.silence_ms))
    if step.noise_ms:
        return Spoken(noise(step.noise_ms))
    return _words(step, speak) if step.user is not None else None


def _words(step: Step, speak: Speak) -> Spoken:
    pcm, pieces = bytearray(), list[Piece]()
    for each in step.user or ():
        if isinstance(each, str):
            pcm += trimmed(sound(speak(each), RATE))
            pieces.append(Piece(each.strip(), seconds(pcm)))
        else:
            pcm += silence(each.pause_ms)
    return Spoken(bytes(pcm), tuple(pieces))


def seconds(pcm: bytes | bytearray) -> float:
    return len(pcm) / SAMPLE_WIDTH / RATE


def silence(milliseconds: int) -> bytes:
    return bytes(RATE * milliseconds // 1000 * SAMPLE_WIDTH)


def noise(milliseconds: int) -> bytes:
    """White noise, the same each time."""
    source = random.Random(milliseconds)  # noqa: S311 - can be repeated
    count = RATE * milliseconds // 1000
    return struct.pack(f"<{count}h", *(source.randint(-NOISE, NOISE) for _ in range(count)))


def trimmed(pcm: bytes) -> bytes:
    """The sound without the silence behind it."""
    size = int(RATE * STEP_SECONDS) * SAMPLE_WIDTH
    starts = range(0, len(pcm), size)
    last = next((at for at in reversed(starts) if level(pcm[at : at + size]) > QUIET), 0)
    return pcm[: last + size]


def _write(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, SAMPLE_WIDTH, RATE, 0, "NONE", ""))
        file.writeframes(pcm)
