"""The recording: who is on which side, when, and what never was heard."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from app.media.recording.disk import DISK
from app.media.recording.recorder import Recorder, write
from app.media.recording.track import TOLERANCE_SECONDS

RATE = 8000
LOUD = (12000).to_bytes(2, "little", signed=True)
QUIET = b"\0\0"
PATIENCE = 30.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def sound(seconds: float) -> bytes:
    return LOUD * int(seconds * RATE)


def written(recorder: Recorder, directory: Path) -> tuple[list[int], list[int]]:
    """Seconds (tenths) in which each side is loud."""
    recorder.close()
    assert DISK.wait(PATIENCE)
    write(directory, RATE, directory / "stereo.wav")
    with wave.open(str(directory / "stereo.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        frames = file.readframes(file.getnframes())
    tenth = RATE // 10
    sides: tuple[list[int], list[int]] = ([], [])
    for side, loud in enumerate(sides):
        samples = [frames[at : at + 2] for at in range(2 * side, len(frames), 4)]
        loud += [n for n in range(len(samples) // tenth) if samples[n * tenth + tenth // 2] == LOUD]
    return sides


def test_each_on_its_side_at_its_time(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(RATE, tmp_path, clock)
    recorder.said(sound(0.2), 0.0)
    clock.pass_(0.5)
    recorder.heard(sound(0.1))
    clock.pass_(0.5)
    assert written(recorder, tmp_path) == ([4], [0, 1])


def test_what_was_cleared_was_not_heard(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(RATE, tmp_path, clock)
    recorder.said(sound(0.3), 0.0)
    recorder.said(sound(0.3), 0.3)  # sent ahead of its time
    clock.pass_(0.2)
    recorder.cleared()
    clock.pass_(0.3)
    recorder.said(sound(0.1), 0.0)
    clock.pass_(0.1)
    assert written(recorder, tmp_path)[1] == [0, 1, 5]


def test_what_was_not_played_at_the_end_was_not_heard(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(RATE, tmp_path, clock)
    recorder.said(sound(1.0), 0.0)
    clock.pass_(0.4)
    assert written(recorder, tmp_path)[1] == [0, 1, 2, 3]


def test_jitter_makes_no_holes_and_a_pause_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(RATE, tmp_path, clock)
    for late in (0.1, 0.25, 0.15):  # three messages of 0.1 s, the second one late
        clock.pass_(late)
        recorder.heard(sound(0.1))
    clock.pass_(1.0)
    recorder.heard(sound(0.1))
    assert written(recorder, tmp_path)[0] == [0, 1, 2, 14]


def test_a_line_without_a_word(tmp_path: Path) -> None:
    assert written(Recorder(RATE, tmp_path, Clock()), tmp_path) == ([], [])


# ------------------------------------------------------------------ no holes

PIECE = 0.04
LATE = 0.015
"""Most seconds between the stream's look at the clock and the recorder's."""
PAUSES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.7]),  # before the piece, in seconds
        st.floats(0.0, LATE),
    ),
    min_size=2,
    max_size=40,
)


@given(schedule=PAUSES)
def test_speech_has_only_the_holes_that_the_caller_heard(
    schedule: Sequence[tuple[float, float]],
) -> None:
    """Sent as ``MediaStream`` sends: ahead of time, until a pause empties the carrier's buffer.

    A pause may be too short for a hole by itself, and with the next one or a late look be one.
    """
    with TemporaryDirectory() as directory:
        clock, played_at, holes, silence = Clock(), 100.0, 0, 0.0
        recorder = Recorder(RATE, Path(directory), clock)
        for number, (pause, delay) in enumerate(schedule):
            clock.pass_(pause)
            buffered = max(0.0, played_at - clock.now)
            silence += max(0.0, clock.now - played_at) if number else 0.0
            if silence + LATE >= TOLERANCE_SECONDS - 1 / RATE:
                holes, silence = holes + 1, 0.0
            played_at = max(clock.now, played_at) + PIECE
            clock.pass_(delay)
            recorder.said(sound(PIECE), buffered)
        clock.pass_(10)
        recorder.close()
        assert DISK.wait(PATIENCE)
        spooled = (Path(directory) / "assistant.pcm").read_bytes()
    silences = [run for run in spooled.lstrip(QUIET[:1]).split(LOUD) if run]
    assert len([run for run in silences if len(run) > 2]) <= holes
    assert all(len(run) >= 2 * TOLERANCE_SECONDS * RATE for run in silences)
    assert spooled.count(LOUD[0]) or not schedule


@given(late=st.lists(st.floats(0.0, 0.19), min_size=1, max_size=60))
def test_what_the_network_brings_late_has_no_hole(late: Sequence[float]) -> None:
    with TemporaryDirectory() as directory:
        clock = Clock()
        recorder = Recorder(RATE, Path(directory), clock)
        for number, by in enumerate(late):
            clock.now = max(clock.now, 100.0 + (number + 1) * 0.02 + by)
            recorder.heard(sound(0.02))
        recorder.close()
        assert DISK.wait(PATIENCE)
        spooled = (Path(directory) / "caller.pcm").read_bytes()
    assert spooled == sound(0.02) * len(late)
