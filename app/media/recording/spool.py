"""The spool: a stream's recording on this machine's disk, until it is stored with its call.

Another process submits what a killed one left behind. A file lock, which the kernel frees with its
process, says whether a recording is still being made.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from sqlalchemy.exc import SQLAlchemyError

from app.domain.recordings.local import StoreFailed, StreamRecording
from app.domain.services.media import MediaService, StreamClaim
from app.media.recording import recorder
from app.media.recording.disk import DISK
from app.media.recording.recorder import Recorder
from app.net.threads import in_thread, run_in_thread, take
from app.private_files import make_directory
from providers.common.json_types import JsonObject

FACTS, WHOLE = "facts.json", "whole.wav"
# The pause between two looks for recordings that were left behind or not stored.
COLLECT_SECONDS = 60.0
# Recordings of closed sockets that are submitted at once. A store that hangs keeps their threads.
AT_ONCE = 4
# How long one waits for the disk to have all of it.
WRITTEN_SECONDS = 30.0
# How long a stopping process waits for them.
FINISH_SECONDS = 5.0
# How long a call waits for the disk at its start. Its caller hears nothing meanwhile.
START_SECONDS = 3.0

log = logging.getLogger(__name__)


class Submissions:
    """Stores the recordings of closed sockets beside the calls, a few at once."""

    def __init__(self, service: MediaService) -> None:
        self._service = service
        self._free = asyncio.Semaphore(AT_ONCE)
        self._running = set[asyncio.Task[None]]()

    def add(self, closed: SpooledRecorder) -> None:
        """Submit this recording soon. Neither its call nor its slot waits for it."""
        task = asyncio.create_task(self._submit(closed))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait for them within a bound. Another process, or the next one, submits what is left."""
        if self._running:
            await asyncio.wait(self._running, timeout=FINISH_SECONDS)
        for task in self._running:
            task.cancel()

    async def _submit(self, closed: SpooledRecorder) -> None:
        async with self._free:
            try:
                await run_in_thread(partial(_submit_closed, self._service, closed))
            except Exception:  # ``collect`` finds it
                log.exception(
                    "the recording %s was not submitted, and is again later", closed.directory
                )


class SpooledRecorder:
    """An audio tap that never raises.

    When the disk fails the recording ends, and the call goes on.
    """

    def __init__(
        self,
        root: Path,
        claim: StreamClaim,
        rate: int,
        clock: Callable[[], float],
        began: datetime,
    ) -> None:
        """Lock a new directory. ``clock`` is the stream's, in seconds. Raises ``OSError``."""
        self.directory = root / f"{claim.call_id}-{claim.stream}"
        make_directory(root)
        self.directory.mkdir(mode=0o700)
        facts = {
            "callId": claim.call_id,
            "stream": claim.stream,
            "rate": rate,
            "began": began.timestamp(),
        }
        try:
            self._recorder = Recorder(rate, self.directory, clock)
            self._lock = _locked(self.directory, facts)
        except OSError:
            shutil.rmtree(self.directory, ignore_errors=True)  # without facts, no look finds it
            raise
        self._broken = False
        self.written = threading.Event()
        """Set after ``close`` when the disk has all of it."""

    @property
    def began(self) -> float:
        """The recording's first moment, by its clock."""
        return self._recorder.began

    def heard(self, pcm: bytes) -> None:
        self._guarded(lambda: self._recorder.heard(pcm))

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        self._guarded(lambda: self._recorder.said(pcm, buffered_seconds))

    def cleared(self) -> None:
        self._guarded(self._recorder.cleared)

    def close(self) -> None:
        """Finish the recording. Any process may submit it once it is ``written``."""
        self._guarded(self._recorder.close)
        is_told, self._broken = self._broken, True
        end = partial(self._end, is_told=is_told)
        try:
            DISK.do(end)
        except OSError:  # the system has no thread
            end()

    def _end(self, *, is_told: bool) -> None:
        try:
            self._recorder.release()
        except OSError:
            if not is_told:
                log.exception("the recording %s ends early", self.directory)
        self._lock.close()
        self.written.set()

    def _guarded(self, work: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            work()
        except OSError:
            self._broken = True
            log.exception("the recording %s ends early", self.directory)


def _locked(directory: Path, facts: JsonObject) -> IO[str]:
    """Write the facts. The file is locked before another process can see it."""
    part = directory / f"{FACTS}.part"
    file = part.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    json.dump(facts, file)
    file.flush()
    part.rename(directory / FACTS)
    return file


async def begin(
    service: MediaService, claim: StreamClaim, rate: int, clock: Callable[[], float]
) -> SpooledRecorder | None:
    """``start`` in a thread, within a bound: a disk that hangs must not hold up the call."""
    if not claim.recorded:
        return None
    try:
        async with asyncio.timeout(START_SECONDS):
            starting = in_thread(partial(start, service, claim, rate, clock), "aside")
            return await take(asyncio.wrap_future(starting), partial(_started_late, service))
    except (TimeoutError, RuntimeError) as error:  # the latter: the system has no thread
        why = str(error) or "the disk of RECORDINGS_DIR does not answer"
        log.error("call %s: not recorded: %s", claim.call_id, why, extra={"callId": claim.call_id})
    _aside(partial(_failed, service, claim))
    return None


def _started_late(service: MediaService, late: SpooledRecorder | None) -> None:
    """End a recording that the call did not wait for. It has no sound."""
    if late is not None:
        _aside(partial(_abandon, service, late))


def _abandon(service: MediaService, late: SpooledRecorder) -> None:
    late.close()
    _submit_closed(service, late)


def _submit_closed(service: MediaService, closed: SpooledRecorder) -> None:
    """Submit it once it is on the disk; ``collect`` does it later if that takes long."""
    if closed.written.wait(WRITTEN_SECONDS):
        submit(service, closed.directory)


def _failed(service: MediaService, claim: StreamClaim) -> None:
    with suppress(SQLAlchemyError):  # without this note the report only waits longer
        service.recording_failed(claim)


def _aside(work: Callable[[], None]) -> None:
    """Do it in a thread that no call waits for, if the system has one."""
    with suppress(RuntimeError):
        in_thread(work, "aside")


def start(
    service: MediaService, claim: StreamClaim, rate: int, clock: Callable[[], float]
) -> SpooledRecorder | None:
    """Begin the recording of one socket. None: it cannot be recorded."""
    try:
        began = service.context.now()
        return SpooledRecorder(service.spool_directory, claim, rate, clock, began)
    except OSError:
        log.exception(
            "call %s: not recorded: RECORDINGS_DIR cannot be written",
            claim.call_id,
            extra={"callId": claim.call_id},
        )
    _failed(service, claim)
    return None


async def collect(service: MediaService) -> None:
    """Submit recordings that were left behind, at once and then periodically, until cancelled."""
    while True:
        try:
            await run_in_thread(partial(submit_all, service))
        except Exception:  # this task must go on: no other looks for them
            log.exception("recordings left behind were not looked for, and are again later")
        await asyncio.sleep(COLLECT_SECONDS)


def submit_all(service: MediaService) -> None:
    """Submit every recording whose recorder has ended."""
    found = sorted(service.spool_directory.iterdir()) if service.spool_directory.is_dir() else []
    for directory in found:
        submit(service, directory)


def submit(service: MediaService, directory: Path) -> None:
    """Store the recording with its call and remove it.

    After a failure it stays for a later attempt.
    """
    with suppress(FileNotFoundError), (directory / FACTS).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not directory.is_dir():  # another process has submitted it just now
            return
        try:
            service.keep(_tape(directory, file.read()))
        except StoreFailed as error:
            log.error("the recording %s is kept there until it can be stored: %s", directory, error)
            return
        except Exception:  # after any error the files stay
            log.exception("the recording %s is kept there until it can be stored", directory)
            return
        shutil.rmtree(directory)


def _tape(directory: Path, text: str) -> StreamRecording:
    facts = json.loads(text)
    recorder.write(directory, facts["rate"], directory / WHOLE)
    began = datetime.fromtimestamp(facts["began"], UTC)
    return StreamRecording(facts["callId"], facts["stream"], began, directory / WHOLE)
