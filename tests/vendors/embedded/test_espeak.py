"""The embedded voice speaks: real espeak-ng, in its own process."""

from __future__ import annotations

import array
import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from app.vendors.common import subprocess_worker
from app.vendors.common.subprocess_worker import SubprocessWorker, WorkerFailed
from app.vendors.embedded import espeak, espeak_worker
from app.vendors.embedded.espeak import MAX_PIECE, MAX_TEXT, SpeechFailed
from app.vendors.embedded.pocketsphinx import listen
from tests.clock import in_real_time, on_loop

SENTENCE = "The bridge is open from nine to five."


async def spoken(text: str, rate: int = 8000, **how: object) -> array.array[int]:
    """All of it, as samples."""
    pieces = [piece async for piece in espeak.speak(text, rate, **how)]  # type: ignore[arg-type]
    return array.array("h", b"".join(pieces))


def alike(one: array.array[int], other: array.array[int]) -> bool:
    """The same words of the same voice; espeak-ng never says them quite the same way."""
    return abs(len(one) - len(other)) < 0.01 * len(one)


def pitch(samples: array.array[int]) -> float:
    """Hz, of most of the voiced parts."""
    found = []
    for at in range(0, len(samples) - 800, 400):
        part = np.array(samples[at : at + 800], float)
        if np.abs(part).max() > 2000:
            echo = np.correlate(part, part, "full")[len(part) - 1 :]
            found.append(8000 / (20 + int(np.argmax(echo[20:120]))))
    return float(np.median(found))


def loudness(samples: array.array[int]) -> float:
    return (sum(each * each for each in samples) / len(samples)) ** 0.5


@pytest.mark.parametrize("rate", [8000, 16000])
@on_loop
async def test_speaks_as_long_and_as_loud_as_a_voice(rate: int) -> None:
    samples = await spoken(SENTENCE, rate)
    assert 1.5 < len(samples) / rate < 4
    assert 1000 < loudness(samples) < 12000


@on_loop
async def test_what_is_spoken_is_understood() -> None:
    samples = await spoken("opening hours", 16000, speed=0.9)
    phrases = ["operator", "opening hours", "goodbye", "appointment"]
    assert await listen(samples.tobytes(), 16000, phrases) == "opening hours"


@on_loop
async def test_the_first_piece_comes_before_the_last_is_made() -> None:
    pieces = [piece async for piece in espeak.speak(SENTENCE * 10, 8000)]
    assert len(pieces) > 10
    assert len(pieces[0]) < sum(map(len, pieces)) / 20


@on_loop
async def test_speed_voice_and_variant_make_a_difference() -> None:
    digits = "1 2 3 4 5 6 7 8 9"
    plain = await spoken(digits)
    assert len(await spoken(digits, speed=1.5)) < len(plain) * 0.8
    assert len(await spoken(digits, voice="fr")) < len(plain) * 0.85  # un, deux, trois
    assert not alike(await spoken(digits, voice="en-gb"), plain)  # a language, no voice's name
    assert pitch(await spoken(SENTENCE, voice="en-us+f3")) > 1.5 * pitch(await spoken(SENTENCE))
    assert alike(await spoken(digits), plain)  # nothing of them is left


@pytest.mark.parametrize(
    "voice",
    [
        "xx",  # looks like a language
        "../../../etc/passwd",  # voices are files
        "en-us+../f3",
        "/etc/passwd",
        "--version",
        "en us",
        "",
    ],
)
@on_loop
async def test_no_such_voice(voice: str) -> None:
    with pytest.raises(SpeechFailed, match="voice"):
        await spoken("Hello.", voice=voice)
    assert await spoken("Hello.")  # the program lives


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "...",
        "\x00\x01",  # not a text's end
        "\ud800",  # no character
    ],
)
@on_loop
async def test_nothing_to_say_is_no_error(text: str) -> None:
    await spoken(text)


@on_loop
async def test_markup_is_read_and_not_followed() -> None:
    ssml = await spoken('<break time="20s"/> done')
    assert len(ssml) / 8000 < 6
    assert not alike(await spoken("[[h@'loU]]"), await spoken("hello"))


def test_text_is_cut_into_bounded_pieces() -> None:
    pieces = espeak.pieces("word, " * 5000 + "x" * 3000)
    assert max(map(len, pieces)) <= MAX_PIECE
    assert sum(map(len, pieces)) <= MAX_TEXT
    assert espeak.pieces("One\r\ntwo.\0 [[three]]") == ["One two. [ [three]]"]


@on_loop
async def test_calls_at_the_same_time_get_each_their_own() -> None:
    texts = ["One.", "Two and three and four.", "Five, six, seven, eight, nine, ten, eleven."] * 3
    alone = [await spoken(text) for text in texts[:3]] * 3
    together = await asyncio.gather(*map(spoken, texts))
    assert all(map(alike, together, alone))


@on_loop
async def test_a_listener_who_leaves_spoils_nothing() -> None:
    plain = await spoken(SENTENCE)
    talk = espeak.speak(SENTENCE * 20, 8000)
    await anext(talk)
    await talk.aclose()
    assert alike(await spoken(SENTENCE), plain)


@on_loop
async def test_a_program_that_died_is_started_again() -> None:
    await spoken("Hello.")
    pid = espeak.SPEAKER.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert loudness(await spoken(SENTENCE)) > 1000
    assert espeak.SPEAKER.pid not in {None, pid}


@on_loop
async def test_without_the_package_the_systems_library_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_package = espeak._command()
    assert with_package[-2:] != with_package[:2]
    monkeypatch.setattr(espeak, "find_spec", lambda name: None)
    assert espeak._command() == [sys.executable, "-I", "-S", espeak_worker.__file__]
    monkeypatch.setattr(espeak_worker, "SYSTEM_LIBRARIES", ("no-such-library.so",))
    with pytest.raises(espeak_worker.Refused, match="install"):
        espeak_worker._load(None)


# ------------------------------------------------------------------ any program


def program(tmp_path: Path, source: str) -> list[str]:
    path = tmp_path / "program.py"
    head = "import struct, sys\ndef send(k, d=b''):\n sys.stdout.buffer.write("
    path.write_text(f"{head}struct.pack('>cI', k, len(d)) + d)\n sys.stdout.flush()\n{source}")
    return [sys.executable, "-I", "-S", str(path)]


@pytest.mark.parametrize(
    ("source", "patience", "why"),
    [
        ("sys.exit(3)", 20.0, "stopped"),  # at its start, twice
        ("send(b'd', b'half'); sys.exit()", 20.0, "stopped"),  # in the middle
        ("sys.stdin.read()", 0.3, "0.3 s"),  # silent for ever
        ("sys.stdout.write('e'); sys.exit()", 20.0, "stopped"),  # half a frame
    ],
)
@in_real_time
async def test_a_program_that_is_no_use(
    tmp_path: Path, source: str, patience: float, why: str
) -> None:
    useless = SubprocessWorker("program", lambda: program(tmp_path, source), patience)
    with pytest.raises(WorkerFailed, match=why):
        async for _ in useless.ask(b"\n"):
            pass


@on_loop
async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(WorkerFailed, match="program"):
        async for _ in SubprocessWorker("program", lambda: ["/no/such/program"], 20.0).ask(b"\n"):
            pass


@on_loop
async def test_a_program_that_dies_of_a_request_is_asked_once_more(tmp_path: Path) -> None:
    dies, answers = "sys.stdin.readline()", "sys.stdin.readline(); send(b'd', b'yes'); send(b'e')"
    sources = iter([dies, answers])
    mortal = SubprocessWorker("program", lambda: program(tmp_path, next(sources)), 20.0)
    assert [piece async for piece in mortal.ask(b"\n")] == [b"yes"]


@on_loop
async def test_an_error_of_ours_does_not_end_the_helper(tmp_path: Path) -> None:
    def command() -> list[str]:
        if broken:
            raise ValueError(broken.pop())
        return program(tmp_path, "sys.stdin.readline(); send(b'e')")

    broken = ["no command"]
    confused = SubprocessWorker("program", command, 20.0)
    with pytest.raises(WorkerFailed, match="no command"):
        async for _ in confused.ask(b"\n"):
            pass
    assert [piece async for piece in confused.ask(b"\n")] == []


@in_real_time
async def test_a_program_that_hangs_is_stopped_and_the_next_answers(tmp_path: Path) -> None:
    hangs, answers = "sys.stdin.read()", "sys.stdin.readline(); send(b'd', b'yes'); send(b'e')"
    sources = iter([hangs, answers])
    stubborn = SubprocessWorker("program", lambda: program(tmp_path, next(sources)), 20.0)
    stubborn._patience = 0.3
    with pytest.raises(WorkerFailed):
        async for _ in stubborn.ask(b"\n"):
            pass
    stubborn._patience = 20.0
    assert [piece async for piece in stubborn.ask(b"\n")] == [b"yes"]
    assert stubborn.waiting == 0


def test_programs_and_helper_speak_of_the_same_frames() -> None:
    assert (espeak_worker.DATA, espeak_worker.REFUSED, espeak_worker.END) == (
        subprocess_worker.DATA,
        subprocess_worker.REFUSED,
        subprocess_worker.END,
    )
