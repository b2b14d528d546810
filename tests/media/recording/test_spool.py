"""The sound of a socket on the disk: handed over at the end, and after a process was killed."""

from __future__ import annotations

import asyncio
import threading
import time
import wave
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.recordings.local import StoreFailed, StreamRecording
from app.domain.services.media import StreamClaim
from app.media.recording import spool
from app.media.recording.disk import DISK
from app.media.recording.spool import SpooledRecorder
from providers.registry import PROVIDERS
from tests.clock import idle, on_loop
from tests.fakes.carriers.base import Caller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, CALLERS, calling, listen, loud, serving

PATIENCE = 30.0
BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
ECHOED = 3000
"""Bytes."""


class Taped(Domain):
    """Looks into what it is given."""

    def __init__(self, spool: Path) -> None:
        super().__init__(recorded=True)
        self.spool_directory = spool
        self.sounds = list[tuple[int, int, bytes]]()

    def keep(self, recording: StreamRecording) -> None:
        super().keep(recording)
        with wave.open(str(recording.path)) as file:
            frames = file.readframes(file.getnframes())
            self.sounds.append((file.getnchannels(), file.getframerate(), frames))


def left(spool: Path) -> list[str]:
    return [each.name for each in spool.iterdir()]


def claim(domain: Domain) -> StreamClaim:
    return domain.claim(PROVIDERS["twilio"], "call-1", "/media/twilio/token", [])


@BY_NAME
@on_loop
async def test_both_sides_are_handed_over_at_the_end(caller: Caller, tmp_path: Path) -> None:
    domain = Taped(tmp_path)
    async with serving(domain) as served:
        async with calling(served, caller) as carrier:
            for _ in range(10):
                await carrier.send(caller.sound(loud(caller)))
            await listen(caller, carrier, ECHOED)
        await domain.hears("kept")
    ((channels, rate, frames),) = domain.sounds
    assert (channels, rate) == (2, caller.rate)
    assert any(frames[0::4])
    assert any(frames[2::4])
    assert left(tmp_path) == []


@on_loop
async def test_a_call_that_is_over_waits_for_no_store_of_recordings(tmp_path: Path) -> None:
    """Neither its slot does, nor a process that stops."""
    domain, caller, loop = Taped(tmp_path), CALLERS[0], asyncio.get_running_loop()
    domain.claim_values["backend"] = "local"
    free, closed, began = threading.Event(), asyncio.Event(), loop.time()
    let_go, keep = domain.presence.release, domain.keep

    def hang(recording: StreamRecording) -> None:
        with idle():
            free.wait()
        keep(recording)

    def release(backend: str) -> None:
        let_go(backend)
        closed.set()

    domain.keep = hang  # type: ignore[method-assign]
    domain.presence.release = release  # type: ignore[method-assign]
    async with serving(domain) as served, calling(served, caller) as carrier:
        await domain.hears("joined")
        await carrier.send(caller.stop())
        await closed.wait()
        assert (domain.presence.slots, domain.presence.sockets) == (0, 0)
        await served.application.drain()
        assert loop.time() - began < spool.FINISH_SECONDS
    assert loop.time() - began < 3 * spool.FINISH_SECONDS
    assert len(left(tmp_path)) == 1
    free.set()
    await domain.hears("kept")


@on_loop
async def test_a_store_that_hangs_keeps_few_threads(tmp_path: Path) -> None:
    domain, asked = Taped(tmp_path), list[Path]()
    free, loop, all_asked = threading.Event(), asyncio.get_running_loop(), asyncio.Event()

    def hang(_: Any, directory: Path) -> None:
        asked.append(directory)
        if len(asked) == spool.AT_ONCE:
            loop.call_soon_threadsafe(all_asked.set)
        with idle():
            free.wait()
        raise OSError("input/output error")  # it ends none of the others

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(spool, "submit", hang)
        submissions = spool.Submissions(domain)  # type: ignore[arg-type]
        for number in range(spool.AT_ONCE + 2):
            written = threading.Event()
            written.set()
            closed: Any = SimpleNamespace(directory=tmp_path / str(number), written=written)
            submissions.add(closed)
        await all_asked.wait()
        await asyncio.sleep(1.0)
        assert len(asked) == spool.AT_ONCE
        free.set()
        await submissions.finish()
    assert len(asked) == spool.AT_ONCE + 2


@on_loop
async def test_a_call_that_is_not_recorded_leaves_nothing(tmp_path: Path) -> None:
    domain = Taped(tmp_path)
    domain.claim_values["recorded"] = False
    caller = CALLERS[0]
    async with serving(domain) as served, calling(served, caller) as carrier:
        await carrier.send(caller.sound(loud(caller)))
        await listen(caller, carrier, 100)
    assert (domain.tapes, left(tmp_path)) == ([], [])


@on_loop
async def test_a_killed_processs_is_handed_over_by_the_next(tmp_path: Path) -> None:
    domain = Taped(tmp_path)
    killed = SpooledRecorder(tmp_path, claim(domain), 8000, time.monotonic, BEGAN)
    killed.heard(loud(CALLERS[0], 500))
    killed._recorder._caller.file.flush()  # what the system had of it
    assert DISK.wait(PATIENCE)
    killed._lock.close()  # as the end of a process does
    async with serving(domain):
        await domain.hears("kept")
    ((_, _, frames),) = domain.sounds
    assert len(frames) == 4 * 4000


@on_loop
async def test_looking_for_them_survives_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain, looks = Taped(tmp_path), list[str]()
    looked, really = asyncio.Event(), spool.submit_all
    loop = asyncio.get_running_loop()

    def look(service: Any) -> None:
        looks.append("look")
        if len(looks) == 1:
            raise OSError("input/output error")
        really(service)
        loop.call_soon_threadsafe(looked.set)

    monkeypatch.setattr(spool, "submit_all", look)
    monkeypatch.setattr(spool, "COLLECT_SECONDS", 0.01)
    async with serving(domain):
        await looked.wait()


def test_one_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    domain = Taped(tmp_path)
    made = SpooledRecorder(tmp_path, claim(domain), 8000, time.monotonic, BEGAN)
    spool.submit_all(domain)  # type: ignore[arg-type]
    assert domain.tapes == []
    made.close()
    assert made.written.wait(PATIENCE)
    spool.submit_all(domain)  # type: ignore[arg-type]
    assert len(domain.tapes) == 1


def test_what_is_not_taken_is_kept_for_later(tmp_path: Path) -> None:
    domain = Taped(tmp_path)
    SpooledRecorder(tmp_path, claim(domain), 8000, time.monotonic, BEGAN).close()
    assert DISK.wait(PATIENCE)
    domain.raises["kept"] = [StoreFailed("the bucket is away")]
    spool.submit_all(domain)  # type: ignore[arg-type]
    assert len(left(tmp_path)) == 1
    spool.submit_all(domain)  # type: ignore[arg-type]
    assert left(tmp_path) == []


@on_loop
async def test_a_disk_that_hangs_does_not_end_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on without its recording, for which no report waits. What comes late is removed."""
    domain, free, caller = Taped(tmp_path), threading.Event(), CALLERS[0]
    loop, really = asyncio.get_running_loop(), spool.make_directory

    def hang(directory: Path) -> None:
        with idle():
            free.wait()
        really(directory)

    monkeypatch.setattr(spool, "make_directory", hang)
    async with serving(domain) as served, calling(served, caller) as carrier:
        began = loop.time()
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
        assert loop.time() - began < 2 * spool.START_SECONDS
        await domain.hears("not taped")
        assert domain.tapes == []
        free.set()
        await asyncio.sleep(1.0)  # by this loop's clock, which waits for the threads
        assert left(tmp_path) == []
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
    ((_, _, frames),) = domain.sounds
    assert not any(frames)


@on_loop
async def test_a_disk_that_hangs_in_mid_call_is_not_heard(tmp_path: Path) -> None:
    """All of it is in the recording once the disk goes on."""
    domain, free, caller = Taped(tmp_path), threading.Event(), CALLERS[0]
    async with serving(domain) as served:
        async with calling(served, caller) as carrier:
            await domain.hears("joined")
            DISK.do(lambda: bool(free.wait(PATIENCE)))
            try:
                for _ in range(5):  # seconds: more than the buffers of both sides
                    await carrier.send(caller.sound(loud(caller, 1000)))
                assert await listen(caller, carrier, 10 * ECHOED)
            finally:
                free.set()
        await domain.hears("kept")
    ((_, _, frames),) = domain.sounds
    assert len(frames) > 2 * 10 * ECHOED
    assert left(tmp_path) == []


@on_loop
async def test_without_a_thread_for_the_disk_the_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain, caller = Taped(tmp_path), CALLERS[0]

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(spool, "in_thread", refuse)
    async with serving(domain) as served, calling(served, caller) as carrier:
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
    assert left(tmp_path) == []


def test_a_full_disk_keeps_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its facts it would be found by no look, and stay."""

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    domain = Taped(tmp_path)
    monkeypatch.setattr(spool.json, "dump", full)
    started = spool.start(domain, claim(domain), 8000, time.monotonic)  # type: ignore[arg-type]
    assert started is None
    assert left(tmp_path) == []


@on_loop
async def test_a_disk_that_fails_does_not_end_the_call(tmp_path: Path) -> None:
    domain = Taped(tmp_path / "file")
    (tmp_path / "file").write_text("no directory")
    caller = CALLERS[0]
    async with serving(domain) as served, calling(served, caller) as carrier:
        await carrier.send(caller.sound(loud(caller)))
        assert await listen(caller, carrier, 100)
        await domain.hears("not taped")  # so that no report waits for it
    assert domain.tapes == []
