"""What goes through the pipe, and what happens when a program is busy, refuses, dies or is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.vendors.common import subprocess_worker
from app.vendors.common.account import VendorAccount
from app.vendors.common.local_models import ShippedFile
from app.vendors.common.subprocess_worker import SubprocessWorker, WorkerBusy
from app.vendors.piper import models as piper
from app.vendors.piper import speaking
from app.vendors.piper import worker as piper_worker
from app.vendors.whisper import listening
from app.vendors.whisper import models as whisper
from app.vendors.whisper import worker as whisper_worker
from tests.clock import PATIENCE, in_real_time, on_loop
from tests.vendors.local import program

SECOND = bytes(range(1, 251)) * 64
"""8,000 samples."""
Put = Callable[..., Any]


async def spoken(account: VendorAccount, text: str, rate: int = 8000) -> bytes:
    voice = piper.choose({}, account)
    return b"".join([pcm async for pcm in speaking.speak(text, voice, rate, 1.25)])


@on_loop
async def test_an_utterance_goes_through_the_pipe(account: VendorAccount, hearing: Put) -> None:
    hearing("hears")
    model = whisper.choose({}, account)
    asked = json.loads(await listening.listen(SECOND, 8000, model, "de"))
    assert (asked["model"], asked["language"]) == (model.source, "de")
    assert abs(asked["bytes"] - 2 * len(SECOND)) < 100  # at 16 kHz
    assert asked["level"] > 0


@on_loop
async def test_a_thread_that_was_refused_is_started_by_the_next_request(
    account: VendorAccount, hearing: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearing("hears")
    model = whisper.choose({}, account)
    await asyncio.to_thread(lambda: None)  # the loop's own thread is there
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "program":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(listening.ListeningFailed, match="no thread"):
            await listening.listen(SECOND, 8000, model, "de")
    assert json.loads(await listening.listen(SECOND, 8000, model, "de"))["language"] == "de"


@on_loop
async def test_of_a_long_utterance_the_end_is_used(account: VendorAccount, hearing: Put) -> None:
    hearing("hears")
    sound = bytes(16_000 * (listening.MAX_SECONDS + 20))
    text = await listening.listen(sound, 8000, whisper.choose({}, account), None)
    assert json.loads(text)["bytes"] == listening.MAX_SECONDS * 32_000


@on_loop
async def test_a_text_is_spoken_at_the_calls_rate(
    account: VendorAccount, voice_program: Put
) -> None:
    voice_program("speaks")
    for rate in (8000, 16000):
        pcm = await spoken(account, "Hello\x00 there.", rate)
        assert abs(len(pcm) - 2 * rate * program.SPOKEN) < 100
    assert await spoken(account, " \n ") == b""


@on_loop
async def test_the_second_program_starts_when_the_first_has_work(
    account: VendorAccount, hearing: Put
) -> None:
    first, second = hearing("hears", "yes", programs=2)
    model = whisper.choose({}, account)
    await listening.listen(SECOND, 8000, model, "en")
    await listening.listen(SECOND, 8000, model, "en")
    assert (first.pid is None, second.pid is None) == (False, True)
    await asyncio.gather(*(listening.listen(b"", 8000, model, "en") for _ in range(2)))
    assert second.pid not in {None, first.pid}


@on_loop
async def test_a_program_takes_no_more_than_it_can_finish(
    account: VendorAccount, hearing: Put
) -> None:
    hearing("hears", "yes", programs=2, most=1)
    asked = [listening.listen(b"", 8000, whisper.choose({}, account), "en") for _ in range(3)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert found[:2] == ["yes", "yes"]
    assert isinstance(found[2], listening.ListeningBusy)
    assert "MAX_CALLS_PER_PROCESS" in str(found[2])
    assert await listening.listen(b"", 8000, whisper.choose({}, account), "en") == "yes"


@on_loop
async def test_a_voice_that_is_busy_says_so(account: VendorAccount, voice_program: Put) -> None:
    voice_program("speaks", most=0)
    with pytest.raises(speaking.SpeakingFailed, match="busy: 0 requests wait") as raised:
        await spoken(account, "Hello.")
    assert isinstance(raised.value.__cause__, WorkerBusy)


@pytest.mark.parametrize(("kind", "text"), [("refuses", "model is broken"), ("dies", "stopped")])
@on_loop
async def test_a_program_that_fails_is_an_error(
    account: VendorAccount, hearing: Put, voice_program: Put, kind: str, text: str
) -> None:
    hearing(kind)
    voice_program(kind)
    with pytest.raises(listening.ListeningFailed, match=text) as raised:
        await listening.listen(SECOND, 8000, whisper.choose({}, account), "en")
    assert not isinstance(raised.value, listening.ListeningBusy)
    with pytest.raises(speaking.SpeakingFailed, match=text):
        await spoken(account, "Hello.")


@on_loop
async def test_one_that_was_killed_is_started_again(account: VendorAccount, hearing: Put) -> None:
    [helper] = hearing("hears", "yes")
    model = whisper.choose({}, account)
    await listening.listen(b"", 8000, model, "en")
    before = helper.pid
    os.kill(before, signal.SIGKILL)
    assert await listening.listen(b"", 8000, model, "en") == "yes"
    assert helper.pid not in {None, before}


BRIDGE = f"""
import asyncio, sys
from app.vendors.common.subprocess_worker import SubprocessWorker
async def main():
    command = [sys.executable, "-I", "-S", {program.__file__!r}, "hears", "yes"]
    helper = SubprocessWorker("program", lambda: command, {PATIENCE})
    async for _ in helper.ask(b'{{"bytes": 0}}\\n'):
        print(helper.pid, flush=True)
asyncio.run(main())
sys.stdin.read()
"""


@pytest.mark.parametrize("kill", [False, True])
def test_a_program_ends_with_the_bridge_however_that_ends(kill: bool) -> None:
    command = [sys.executable, "-c", BRIDGE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bridge:
        assert bridge.stdout is not None
        watch = os.pidfd_open(int(bridge.stdout.readline()))
        if kill:
            bridge.kill()
        bridge.communicate()
    try:
        ended, _, _ = select.select([watch], [], [], PATIENCE)
    finally:
        os.close(watch)
    assert ended


@in_real_time
async def test_both_start_ahead_of_the_first_call(
    account: VendorAccount, hearing: Put, voice_program: Put
) -> None:
    [ears], mouth = hearing("hears"), voice_program("speaks")
    await listening.start(account)
    await speaking.start(account)
    assert None not in {ears.pid, mouth.pid}


# ------------------------------------------------------------------ the real programs


@pytest.mark.parametrize("worker", [whisper_worker, piper_worker])
def test_programs_and_bridge_speak_of_the_same_frames(worker: Any) -> None:
    ours = subprocess_worker
    assert (worker.DATA, worker.REFUSED, worker.END) == (ours.DATA, ours.REFUSED, ours.END)


@pytest.mark.parametrize(
    ("module", "request_of"),
    [
        (listening, {"model": {"name": "m", "path": "/nowhere"}, "language": "en", "bytes": 0}),
        (speaking, {"text": "Hello.", "speed": 1.0, "voice": {"name": "v", "model": {}}}),
    ],
)
@in_real_time
async def test_a_real_program_without_its_package_or_model_says_why(
    module: Any, request_of: dict[str, Any]
) -> None:
    helper = SubprocessWorker("program", module._command, PATIENCE)
    asked = json.dumps(request_of).encode() + b"\n"
    for _ in range(2):  # it goes on
        with pytest.raises(subprocess_worker.WorkerRefused, match=r"Error: "):
            async for _ in helper.ask(asked):
                pass


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("Are you open on Saturday? Are you open on Saturday? Are you", True),
        ("Hello? Hello?", True),
        ("No, no, that is not right.", False),
        ("Hello", False),
        ("", False),
    ],
)
def test_a_phrase_again_and_again_is_noticed(text: str, repeated: bool) -> None:
    assert whisper_worker.repeats(text) is repeated


def test_weights_with_another_hash_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    part = {"path": str(path), "sha256": "8be45b7c4dc6a9a1" + "0" * 48}
    with pytest.raises(whisper_worker.Refused, match="install its package again"):
        whisper_worker._joined([part])
    with pytest.raises(piper_worker.Refused, match="install its package again"):
        piper_worker._content(part)
    assert piper_worker._content({"path": str(path)}) == b"weights"
    assert ShippedFile("no_such_package", "x", "").found() is None
