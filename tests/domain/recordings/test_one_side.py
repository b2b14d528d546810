"""One side of a stereo file: any range of it is that range of the whole, however it is read."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.recordings import one_side
from app.domain.recordings.wav import InvalidWav
from app.store.blobs import Disk

FRAMES = 300
LEFT, RIGHT = range(1, FRAMES + 1), range(-1, -FRAMES - 1, -1)


FOLDER = "recordings"
PLAIN, EXTRA = f"{FOLDER}/plain.wav", f"{FOLDER}/extra.wav"
"""With a chunk in front of the sound, as some carriers have it."""


def wav(channels: int, samples: list[int]) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((channels, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return made.getvalue()


STEREO = wav(2, [each for pair in zip(LEFT, RIGHT, strict=True) for each in pair])
SIDES = {"customer": wav(1, list(LEFT)), "assistant": wav(1, list(RIGHT))}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    place = tmp_path_factory.mktemp("blobs")
    (place / FOLDER).mkdir()
    chunk = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    (place / PLAIN).write_bytes(STEREO)
    (place / EXTRA).write_bytes(STEREO[:36] + chunk + STEREO[36:])
    return Disk(place)


@pytest.mark.parametrize("blob", [PLAIN, EXTRA])
@pytest.mark.parametrize("side", SIDES)
def test_the_whole(disk: Disk, blob: str, side: str) -> None:
    sound = one_side.find(disk, blob, disk.size(blob))
    assert sound.size == len(SIDES[side])
    file = one_side.open_part(disk, blob, sound, one_side.SIDES[side], 0, sound.size)
    assert file.read() == SIDES[side]
    file.close()


@given(data=st.data(), side=st.sampled_from(sorted(SIDES)), piece=st.integers(1, 700))
def test_a_range(disk: Disk, data: st.DataObject, side: str, piece: int) -> None:
    whole = SIDES[side]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    sound = one_side.find(disk, PLAIN, len(STEREO))
    channel = one_side.SIDES[side]
    file = one_side.open_part(disk, PLAIN, sound, channel, start, end - start)
    assert b"".join(iter(lambda: file.read(piece), b"")) == whole[start:end]
    file.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"theirs", SIDES["customer"], STEREO[:20], b"RIFF\xff\xff\xff\xffWAVEdata\1\0\0\0"],
)
def test_what_has_no_sides(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / PLAIN).write_bytes(content)
    with pytest.raises(InvalidWav):
        one_side.find(Disk(tmp_path), PLAIN, len(content))
