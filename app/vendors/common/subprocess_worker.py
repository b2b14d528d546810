"""A program that answers requests over pipes. It starts when needed, and again after a crash.

There is one per process and purpose, shared by all calls; it answers one request after the other. A
thread of its own serves it, so that neither a slow program nor its start delays a call.
"""

from __future__ import annotations

import asyncio
import queue
import struct
import subprocess
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, cast

# Kinds of a program's frames, each ``KIND LENGTH`` (big-endian, 1 and 4 bytes) and its bytes.
# They are a piece of the answer, a refusal, and the end of either.
DATA, REFUSED, END = b"d", b"x", b"e"
HEAD = struct.Struct(">cI")
# A program that dies before its first byte is started once more for the same request.
ATTEMPTS = 2


class WorkerFailed(Exception):
    """The program does not start, died twice, or does not answer in time."""


class WorkerBusy(WorkerFailed):
    """As many requests wait as may. This one is not passed on."""


class WorkerRefused(Exception):
    """The program's own answer: it cannot do this request."""


# A piece of an answer; the reason why there is none; None: it is complete.
Heard = bytes | Exception | None


@dataclass(frozen=True, slots=True)
class _Request:
    data: bytes
    tell: Callable[[Heard], None]
    dropped: threading.Event = field(default_factory=threading.Event)
    """The asker has gone: not worth a second attempt, or a first."""


class SubprocessWorker:
    """One program. Usable from any event loop of the process."""

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        patience: float,
        most: int | None = None,
    ) -> None:
        self._name = name
        self._command = command
        # Seconds an asker waits for the next piece, other calls' requests included.
        self._patience = patience
        # Requests without an answer, at most. None: no limit.
        self._most = most
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_served = False
        self._starting = threading.Lock()
        # Requests without an answer yet.
        self.waiting = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running program."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    async def ask(self, request: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of the answer.

        Raises ``WorkerBusy`` at once, ``WorkerFailed`` and ``WorkerRefused`` later.
        """
        if self._most is not None and self.waiting >= self._most:
            raise WorkerBusy(f"The {self._name} is busy: {self.waiting} requests wait for it.")
        loop, heard = asyncio.get_running_loop(), asyncio.Queue[Heard]()

        def tell(item: Heard) -> None:
            with suppress(RuntimeError):  # the loop is closed, and the asker with it
                loop.call_soon_threadsafe(heard.put_nowait, item)

        asked = _Request(request, tell)
        self._wake()
        self._requests.put(asked)
        self.waiting += 1
        try:
            while (item := await self._next(heard)) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            asked.dropped.set()
            self.waiting -= 1

    async def _next(self, heard: asyncio.Queue[Heard]) -> Heard:
        try:
            async with asyncio.timeout(self._patience):
                return await heard.get()
        except TimeoutError:
            if (process := self._process) is not None:
                process.kill()  # it hangs, and would for other requests
            raise WorkerFailed(
                f"The {self._name} did not answer within {self._patience:g} s."
            ) from None

    def _wake(self) -> None:
        with self._starting:
            if self._is_served:
                return
            try:
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            except RuntimeError as error:
                raise WorkerFailed(f"The {self._name} has no thread: {error}.") from error
            self._is_served = True

    # -- in the thread

    def _work(self) -> None:
        while True:
            asked = self._requests.get()
            if asked.dropped.is_set():
                continue
            try:
                asked.tell(self._answer(asked))
            except Exception as error:  # an error here must not end the thread of all calls
                self._bury()
                asked.tell(WorkerFailed(f"The {self._name} failed: {error!r}."))

    def _answer(self, asked: _Request) -> Exception | None:
        """Pass the pieces on. Returns the final item."""
        for left in reversed(range(ATTEMPTS)):
            told, refused = False, None
            try:
                for kind, piece in self._exchange(asked.data):
                    if kind == REFUSED:
                        refused = WorkerRefused(piece.decode(errors="replace"))
                    else:
                        asked.tell(piece)
                        told = True
            except OSError as error:
                self._bury()
                if told or not left or asked.dropped.is_set():
                    return WorkerFailed(f"The {self._name} stopped: {error}.")
            else:
                return refused
        raise AssertionError("the last attempt returns")

    def _exchange(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the frames of one answer. Raises OSError when the program is gone."""
        process = self._running()
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        stdin.write(data)
        stdin.flush()
        while True:
            kind, length = HEAD.unpack(_read(stdout, HEAD.size))
            if kind == END:
                return
            yield kind, _read(stdout, length)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _bury(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # bytes that were not written any more
                    cast(IO[bytes], pipe).close()


def _read(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise BrokenPipeError("it died")
    return data
