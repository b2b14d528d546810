"""Files in a directory and in a bucket: the same promises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.blobs import BlobError, Blobs, Bucket, Disk, NoBlob, open_blobs
from tests.fakes.s3 import ACCESS_KEY, REGION, SECRET_KEY, Store, s3
from tests.properties import examples

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


def test_a_large_file_is_put_in_parts_and_appears_whole(bucket: Store, file: Path) -> None:
    data = DATA * 5_000  # 10 MB: a part is 5 MB at least
    file.write_bytes(data)
    of(bucket).put(KEY, file, "audio/wav")
    assert bucket.objects == {f"/calls/all/ours/{KEY}": ("audio/wav", data)}
    assert sum("partNumber=" in asked for asked in bucket.asked) > 1


def test_an_upload_that_fails_half_way_leaves_what_was_there(bucket: Store, file: Path) -> None:
    of(bucket).put(KEY, file, "audio/wav")
    file.write_bytes(DATA * 5_000)
    bucket.refused = "partNumber=2"
    with pytest.raises(BlobError, match="RECORDINGS_URL"):
        of(bucket).put(KEY, file, "audio/wav")
    assert bucket.objects == {f"/calls/all/ours/{KEY}": ("audio/wav", DATA)}
    assert bucket.parts == {}  # S3 charges for parts that stay


def test_a_missing_bucket_is_a_fault_and_no_missing_file(bucket: Store) -> None:
    bucket.missing = True
    with pytest.raises(BlobError, match="NoSuchBucket"):
        of(bucket).open(KEY)


def test_a_range_after_the_end_is_refused(bucket: Store, file: Path) -> None:
    of(bucket).put(KEY, file, "audio/wav")
    with pytest.raises(BlobError, match="InvalidRange"):
        of(bucket).open(KEY, len(DATA))


def test_no_key_shows_in_an_error_or_a_log(bucket: Store, file: Path) -> None:
    named = Bucket(bucket.url, "calls", "all/ours", ACCESS_KEY, SECRET_KEY, REGION)
    assert SECRET_KEY not in repr(named)
    assert ACCESS_KEY not in repr(named)
    with pytest.raises(BlobError) as caught:
        of(bucket, "another-key").put(KEY, file, "audio/wav")
    assert "another-key" not in str(caught.value)
    assert SECRET_KEY not in str(caught.value)


def test_a_store_that_does_not_listen_is_named(file: Path) -> None:
    gone = Bucket("http://127.0.0.1:1", "calls", "", ACCESS_KEY, SECRET_KEY, REGION)
    with pytest.raises(BlobError, match="RECORDINGS_URL"):
        open_blobs("unused", gone).put(KEY, file, "audio/wav")


def test_a_failed_request_is_not_sent_again(bucket: Store) -> None:
    """A job is tried again by itself; a listener does not wait for minutes."""
    bucket.down = True
    with pytest.raises(BlobError):
        of(bucket).open(KEY)
    assert bucket.asked == [f"GET /calls/all/ours/{KEY}"]


def test_a_request_without_an_answer_is_not_sent_again(bucket: Store) -> None:
    bucket.hangs_up = True
    with pytest.raises(BlobError, match="RECORDINGS_URL"):
        of(bucket).open(KEY)
    assert bucket.asked == [f"GET /calls/all/ours/{KEY}"]


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut there would be an empty file of that name."""
    flushed: list[tuple[int, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        flushed.append((os.fstat(descriptor).st_size, (tmp_path / "kept" / KEY).exists()))

    monkeypatch.setattr(os, "fsync", watched)
    Disk(tmp_path / "kept").put(KEY, file, "audio/wav")
    assert flushed == [(len(DATA), False)]
    assert (tmp_path / "kept" / KEY).read_bytes() == DATA


def test_nothing_is_sent_before_the_first_file(bucket: Store) -> None:
    of(bucket)
    assert bucket.asked == []


@given(data=st.binary(max_size=300), start=st.integers(0, 300), length=st.integers(0, 300))
@examples(40)
def test_a_part_is_that_slice_of_the_file(data: bytes, start: int, length: int) -> None:
    with TemporaryDirectory() as root:
        source = Path(root) / "source"
        source.write_bytes(data)
        blobs = Disk(Path(root) / "kept")
        blobs.put(KEY, source, "audio/wav")
        assert read(blobs, start, length) == data[start : start + length]


@given(st.text("ab./-\\", max_size=12))
def test_no_text_leads_out_of_the_directory(key: str) -> None:
    root = Path("/kept")
    try:
        path = Disk(root)._path(key)
    except ValueError:
        return
    assert Path(os.path.normpath(path)).is_relative_to(root)
    assert Path(os.path.normpath(path)) == path


def test_a_store_that_refuses_or_is_down_may_be_asked_again(bucket: Store, file: Path) -> None:
    with pytest.raises(BlobError, match="AccessDenied"):
        of(bucket, "another-key").put(KEY, file, "audio/wav")
    bucket.down = True
    with pytest.raises(BlobError, match="RECORDINGS_URL"):
        of(bucket).put(KEY, file, "audio/wav")
    bucket.down = False
    of(bucket).put(KEY, file, "audio/wav")
