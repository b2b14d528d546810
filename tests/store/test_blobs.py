"""Files in a directory and in a bucket: the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.blobs import BlobError, Blobs, Bucket, Disk, NoBlob, open_blobs
from tests.fakes.s3 import ACCESS_KEY, REGION, SECRET_KEY, Store, s3

KEY = "recordings/a1/b2-mono.wav"
DATA = bytes(range(256)) * 8


@pytest.fixture
def bucket() -> Iterator[Store]:
    with s3() as running:
        yield running


def of(bucket: Store, access_key: str = ACCESS_KEY) -> Blobs:
    named = Bucket(bucket.url, "calls", "all/ours", access_key, SECRET_KEY, REGION)
    return open_blobs("unused", named)


@pytest.fixture(params=["disk", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "disk":
        return open_blobs(tmp_path / "kept", None)
    return of(request.getfixturevalue("bucket"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def read(blobs: Blobs, start: int = 0, length: int | None = None) -> bytes:
    opened = blobs.open(KEY, start, length)
    try:
        return b"".join(iter(lambda: opened.read(100), b""))
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("start", "length", "part"),
    [
        (0, None, DATA),  # all of it
        (10, None, DATA[10:]),  # from somewhere to the end
        (10, 20, DATA[10:30]),  # a part, smaller than one read
        (0, 500, DATA[:500]),  # larger than one read
        (2040, 100, DATA[2040:]),  # more than there is
        (5, 0, b""),  # nothing
    ],
)
def test_any_part_of_a_file_is_read(
    blobs: Blobs, file: Path, start: int, length: int | None, part: bytes
) -> None:
    blobs.put(KEY, file, "audio/wav")
    assert blobs.size(KEY) == len(DATA)
    assert read(blobs, start, length) == part


def test_a_file_is_replaced_and_deleted(blobs: Blobs, file: Path) -> None:
    blobs.put(KEY, file, "audio/wav")
    file.write_bytes(b"other")
    blobs.put(KEY, file, "audio/wav")
    assert read(blobs) == b"other"
    blobs.delete(KEY)
    blobs.delete(KEY)  # whether it is there or not
    with pytest.raises(NoBlob):
        blobs.open(KEY)
    with pytest.raises(NoBlob):
        blobs.size(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "../x.wav",  # out of the directory
        "/etc/x.wav",  # from the root
        "a//b.wav",
        "a/../b.wav",
        "a\x00.wav",
        "",
    ],
)
def test_what_is_no_key_is_refused(blobs: Blobs, file: Path, key: str) -> None:
    for use in (lambda: blobs.put(key, file, "x"), lambda: blobs.open(key)):
        with pytest.raises(ValueError, match="not a key"):
            use()
    with pytest.raises(ValueError, match="not a key"):
        blobs.delete(key)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    blobs = Disk(tmp_path / "kept")
    with pytest.raises(NoBlob):
        blobs.put(KEY, tmp_path / "no such file", "audio/wav")
    assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == []


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path, file: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(BlobError, match="RECORDINGS_DIR"):
        Disk(tmp_path / "kept").put(KEY, file, "audio/wav")


def test_only_the_owner_reads_files_and_empty_directories_go(tmp_path: Path, file: Path) -> None:
    root = tmp_path / "kept"
    Disk(root).put(KEY, file, "audio/wav")
    assert (root / KEY).stat().st_mode & 0o077 == 0
    Disk(root).delete(KEY)
    assert list(root.iterdir()) == []


def test_objects_lie_below_the_prefix_with_their_type(bucket: Store, file: Path) -> None:
    of(bucket).put(KEY, file, "audio/wav")
    assert bucket.objects == {f"/calls/all/ours/{KEY}": ("audio/wav", DATA)}


def test_a_store_that_refuses_or_is_down_may_be_asked_again(bucket: Store, file: Path) -> None:
    with pytest.raises(BlobError, match="AccessDenied"):
        of(bucket, "another-key").put(KEY, file, "audio/wav")
    bucket.down = True
    with pytest.raises(BlobError, match="RECORDINGS_URL"):
        of(bucket).put(KEY, file, "audio/wav")
    bucket.down = False
    of(bucket).put(KEY, file, "audio/wav")
