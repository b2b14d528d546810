"""Files too large for the database: in a directory, or in any store with an S3 API.

This program makes each key (``recordings/<call>/<id>.wav``); no client does. A file is complete or
absent. A file that is being written has another name, and S3 shows an object only when it is
complete. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast
from uuid import uuid4

from app.private_files import make_directory

if TYPE_CHECKING:
    from minio import Minio

KEY = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*\.[a-z0-9]+")
NOT_FOUND_CODE = "NoSuchKey"


class NoBlob(Exception):
    """No file has this key."""


class BlobError(Exception):
    """The blob store failed; a later attempt may succeed. The text is for the operator."""


class Blobs(Protocol):
    """Stores files by key.

    Methods raise ``BlobError`` when the store fails, ``ValueError`` for an invalid key.
    """

    def put(self, key: str, path: Path, mime: str) -> None:
        """Store a copy of the file at ``path``; replace an existing one."""
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open ``length`` bytes from ``start``; the caller closes the file. Raises ``NoBlob``."""
        ...

    def size(self, key: str) -> int:
        """The size in bytes. Raises ``NoBlob``."""
        ...

    def delete(self, key: str) -> None:
        """Delete the file. An absent one is not an error."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3-compatible store and our credentials for it. ``endpoint`` is a URL."""

    endpoint: str
    name: str
    prefix: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    region: str = "us-east-1"


def open_blobs(directory: str | Path, bucket: Bucket | None) -> Blobs:
    """Make the blob store: the bucket if there is one, else the directory. Does no I/O yet."""
    return S3(bucket) if bucket else Disk(Path(directory))


class Disk:
    """Files in a directory, readable for its owner only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, path: Path, mime: str) -> None:
        target = self._path(key)
        with _disk_errors(key):
            make_directory(target.parent)
            part = target.with_name(f".{uuid4().hex}.part")
            try:
                with path.open("rb") as source, open(part, "xb", opener=_private) as copy:
                    shutil.copyfileobj(source, copy, 1024 * 1024)
                    copy.flush()
                    os.fsync(copy.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        with _disk_errors(key):
            file = self._path(key).open("rb")
            file.seek(start)
            return file if length is None else cast("BinaryIO", _Part(file, length))

    def size(self, key: str) -> int:
        with _disk_errors(key):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _disk_errors(key):
            path.unlink(missing_ok=True)
            _prune(path.parent, self._root)

    def _path(self, key: str) -> Path:
        return self._root / _checked(key)


class S3:
    """Objects of one bucket, below a prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, key: str, path: Path, mime: str) -> None:
        name = self._name(key)
        with _s3_errors(key):
            self._client.fput_object(self._bucket.name, name, str(path), content_type=mime)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        name = self._name(key)
        if length == 0:  # no HTTP range means "nothing"
            return cast("BinaryIO", open(os.devnull, "rb"))
        with _s3_errors(key):
            answer = self._client.get_object(self._bucket.name, name, start, length or 0)
        return cast("BinaryIO", _Answer(answer))

    def size(self, key: str) -> int:
        name = self._name(key)
        with _s3_errors(key):
            return int(self._client.stat_object(self._bucket.name, name).size or 0)

    def delete(self, key: str) -> None:
        name = self._name(key)
        with _s3_errors(key):
            self._client.remove_object(self._bucket.name, name)

    def _name(self, key: str) -> str:
        return "/".join(filter(None, (self._bucket.prefix, _checked(key))))

    @cached_property
    def _client(self) -> Minio:
        from urllib.parse import urlsplit

        import urllib3
        from minio import Minio

        parts = urlsplit(self._bucket.endpoint)
        return Minio(
            parts.netloc,
            access_key=self._bucket.access_key,
            secret_key=self._bucket.secret_key,
            region=self._bucket.region,
            secure=parts.scheme == "https",
            # The library's own client waits for minutes. A job is tried again anyway.
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=5.0, read=30.0), retries=False
            ),
        )


class _Part:
    """A length of an open file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Answer:
    """An HTTP response's body as a file. Closing returns its connection to the pool."""

    def __init__(self, answer: object) -> None:
        from urllib3 import BaseHTTPResponse

        self._answer = cast("BaseHTTPResponse", answer)

    def read(self, size: int = -1) -> bytes:
        with _s3_errors(""):
            return self._answer.read(None if size < 0 else size)

    def close(self) -> None:
        self._answer.close()
        self._answer.release_conn()

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError("not a key of a file")
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _prune(directory: Path, root: Path) -> None:
    """Remove the directories that a deletion has emptied."""
    while directory != root and root in directory.parents:
        try:
            directory.rmdir()
        except OSError:  # another file is in it, or another process was faster
            return
        directory = directory.parent


@contextmanager
def _disk_errors(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NoBlob(key) from error
    except OSError as error:
        raise BlobError(f"RECORDINGS_DIR cannot be used: {error.strerror}") from error


@contextmanager
def _s3_errors(key: str) -> Iterator[None]:
    from minio.error import MinioException, S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        if error.code == NOT_FOUND_CODE:
            raise NoBlob(key) from error
        raise BlobError(f"RECORDINGS_URL: the store answered {error.code}") from error
    except (MinioException, HTTPError, ValueError) as error:
        text = f"RECORDINGS_URL: the store failed: {type(error).__name__}"
        raise BlobError(text) from error
