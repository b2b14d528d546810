"""``python -m bench.blobs``: the files of calls, in a directory and in a store that speaks S3.

The floor is the minimal code for the same work: a copy flushed to the disk, or one HTTP request.
The request uses a kept connection. Rounds are interleaved; a ratio is the median of the ratios to
the floor of the same round. The store is the tests' stand-in, in its own process on the loopback
interface. After ``pip install obstore`` the bench also measures that library.
https://developmentseed.org/obstore/
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO, Protocol, cast
from urllib.parse import urlsplit

from app.store.blobs import Bucket, open_blobs
from tests.fakes.s3 import ACCESS_KEY, AUTHORIZATION, REGION, SECRET_KEY, s3

KEY, MIME = "recordings/a/b.wav", "audio/wav"
BLOCK = 64 * 1024
SIZES = {"1 MB": 1_000_000, "20 MB": 20_000_000}
"""About one minute of a call in mono, and ten in stereo."""

IMPORTS = {"minio": "minio, minio.error", "obstore": "obstore.store"}


class Measured(Protocol):
    """The measured methods of ``Blobs``."""

    def put(self, key: str, path: Path, mime: str) -> None: ...
    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO: ...
    def size(self, key: str) -> int: ...
    def delete(self, key: str) -> None: ...


class PlainFiles:
    """The floor of a directory."""

    def __init__(self, root: Path) -> None:
        self._path = root / "floor.wav"

    def put(self, key: str, path: Path, mime: str) -> None:
        part = self._path.with_suffix(".part")
        with path.open("rb") as source, part.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1024 * 1024)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(self._path)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        file = self._path.open("rb")
        file.seek(start)
        return file

    def size(self, key: str) -> int:
        return self._path.stat().st_size

    def delete(self, key: str) -> None:
        self._path.unlink(missing_ok=True)


class PlainRequests:
    """The floor of a bucket: nothing is signed, parsed or tried again."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def put(self, key: str, path: Path, mime: str) -> None:
        with path.open("rb") as source:
            size = str(path.stat().st_size)
            self._ask("PUT", source, {"Content-Type": mime, "Content-Length": size}).read()

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        last = "" if length is None else str(start + length - 1)
        return cast("BinaryIO", self._ask("GET", None, {"Range": f"bytes={start}-{last}"}))

    def size(self, key: str) -> int:
        answer = self._ask("HEAD", None, {})
        answer.read()
        return int(answer.headers["Content-Length"])

    def delete(self, key: str) -> None:
        self._ask("DELETE", None, {}).read()

    def _ask(
        self, method: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": AUTHORIZATION, **headers}
        self._connection.request(method, "/calls/floor.wav", body, headers)
        return self._connection.getresponse()


class Obstore:
    """The other library, with the guarantees of ``S3`` that its options offer."""

    def __init__(self, bucket: Bucket) -> None:
        from obstore.store import S3Store

        self._store = S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            endpoint=bucket.endpoint,
            access_key_id=bucket.access_key,
            secret_access_key=bucket.secret_key,
            region=bucket.region,
            skip_signature=False,  # else AWS_SKIP_SIGNATURE of the environment decides
            disable_bulk_delete=True,  # some stores lack it
            client_options={
                "allow_http": bucket.endpoint.startswith("http://"),
                "connect_timeout": "5s",
                "read_timeout": "30s",
                "timeout": "1h",
            },
            retry_config={"max_retries": 0},
        )

    def put(self, key: str, path: Path, mime: str) -> None:
        self._store.put(key, path, attributes={"Content-Type": mime}, max_concurrency=3)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        end = sys.maxsize if length is None else start + length
        found = self._store.get(key, options={"range": (start, end)})
        return cast("BinaryIO", Chunks(found.stream(BLOCK)))

    def size(self, key: str) -> int:
        found: int = self._store.head(key)["size"]
        return found

    def delete(self, key: str) -> None:
        self._store.delete(key)


class Chunks:
    """A stream of chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, memoryview(b"")

    def read(self, size: int = -1) -> memoryview:
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        data, self._left = self._left[:size], self._left[size:]
        return data

    def close(self) -> None:
        """The stream closes when it is dropped."""


def uses(file: Path) -> dict[str, Callable[[Measured], object]]:
    """The bridge's operations on a file. The last one deletes it."""
    return {
        "put": lambda blobs: blobs.put(KEY, file, MIME),
        "get": lambda blobs: drain(blobs.open(KEY)),
        "64 kB of it": lambda blobs: drain(blobs.open(KEY, 1000, BLOCK), BLOCK),
        "size": lambda blobs: blobs.size(KEY),
        "delete": lambda blobs: blobs.delete(KEY),
    }


def drain(file: BinaryIO, wanted: int = sys.maxsize) -> None:
    while wanted > 0 and (data := file.read(min(BLOCK, wanted))):
        wanted -= len(data)
    if isinstance(file, http.client.HTTPResponse):
        file.read()  # or the connection takes no other request
    file.close()


def measure(
    kind: str, size: str, floor: Measured, rivals: dict[str, Measured], rounds: int
) -> None:
    """Prints a line per use and rival."""
    with tempfile.NamedTemporaryFile() as source:
        source.write(os.urandom(SIZES[size]))
        source.flush()
        named = {"floor": floor, **rivals}
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for use, does in uses(Path(source.name)).items():
                for name, blobs in named.items():
                    begun = time.perf_counter()
                    does(blobs)
                    times.setdefault((use, name), []).append(time.perf_counter() - begun)
    for (use, name), seen in times.items():
        ratios = [own / least for own, least in zip(seen, times[use, "floor"], strict=True)]
        middle, ratio = statistics.median(seen) * 1000, statistics.median(ratios)
        print(f"| {kind} | {size} | {use} | {name} | {middle:.2f} | {ratio:.2f} |")


def imports() -> None:
    """Prints the cost of each library's first use in a process."""
    program = (
        "import os, time, urllib3; size = lambda: int(open('/proc/self/statm').read().split()[1]);"
        "before, begun = size(), time.perf_counter(); import {};"
        "took, grown = time.perf_counter() - begun, (size() - before) * os.sysconf('SC_PAGESIZE');"
        "print(f'{{took * 1000:.0f}} ms, {{grown / 1e6:.1f}} MB')"
    )
    for name, modules in IMPORTS.items():
        if find_spec(name):
            command = [sys.executable, "-c", program.format(modules)]
            runs = [subprocess.check_output(command, text=True).strip() for _ in range(3)]
            print(f"import {name}: {'; '.join(runs)}")


@contextmanager
def bucket() -> Iterator[Bucket]:
    """The address of a stand-in that runs in its own process."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there,))
    process.start()
    try:
        yield Bucket(here.recv(), "calls", "all/ours", ACCESS_KEY, SECRET_KEY, REGION)
    finally:
        here.send(None)
        process.join()


def serve(parent: Connection) -> None:
    with s3() as store:
        parent.send(store.url)
        parent.recv()


def main() -> None:
    parser = argparse.ArgumentParser(description="The files of calls, against a floor.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}; {rounds} rounds"
    )
    imports()
    print("| where | size | use | by | ms | of the floor |\n| --- | --: | --- | --- | --: | --: |")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as root:
            disk: dict[str, Measured] = {"patchbay": open_blobs(root, None)}
            measure("disk", size, PlainFiles(Path(root)), disk, rounds)
        with bucket() as ours:
            rivals: dict[str, Measured] = {"patchbay": open_blobs("", ours)}
            if find_spec("obstore"):
                rivals["obstore"] = Obstore(ours)
            measure("S3", size, PlainRequests(ours.endpoint), rivals, rounds)


if __name__ == "__main__":
    main()
