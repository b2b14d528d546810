"""Recordings of our own: who is recorded, one file of several sockets, and the report that waits."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import default_org
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.recordings import files as recording_files
from app.domain.recordings import local as local_recordings
from app.domain.recordings import wav
from app.domain.recordings.local import StoreFailed, StreamRecording
from app.settings import Settings
from app.store import calls
from app.store import recordings as rows
from app.store.blobs import NoBlob
from providers.events import EventKind
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

RATE = 8000
LOUD = (12000).to_bytes(2, "little", signed=True)
LOCAL = {"name": "Reception", "server": {"url": "http://127.0.0.1:9/"}}


class Taped:
    """A call whose assistant is in, and is recorded."""

    def __init__(self, ours: Domain, call: dict[str, Any], place: Path) -> None:
        self.ours, self.call, self.context = ours, call, ours.context
        self._place = place
        self.began = ours.clock()

    def expect(self, stream: str) -> None:
        with self.context.store.write() as conn:
            call = record.get(conn, self.call["id"], lock=True)
            assert call is not None
            local_recordings.expect(CallTx(self.context, conn, call), stream)

    def tape(self, stream: str, after: float, seconds: float) -> StreamRecording:
        """So many seconds of an assistant who speaks and a caller who is silent."""
        path = self._place / f"{stream}.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setparams((2, 2, RATE, 0, "NONE", ""))
            sound.writeframes((b"\0\0" + LOUD) * int(seconds * RATE))
        return StreamRecording(self.call["id"], stream, self.began + timedelta(seconds=after), path)

    def keep(self, stream: str, after: float, seconds: float) -> None:
        local_recordings.append(self.context, self.tape(stream, after, seconds))

    def rows(self) -> list[dict[str, Any]]:
        with self.context.store.read() as conn:
            return list(rows.of_call(conn, self.call["id"]))

    def loud(self) -> list[int]:
        """Tenths of a second in which the assistant speaks."""
        with wave.open(self.context.blobs.open(self.rows()[0]["blob"])) as sound:
            frames = sound.readframes(sound.getnframes())
        tenths = [frames[at : at + 4] for at in range(0, len(frames), RATE // 10 * 4)]
        return [n for n, frame in enumerate(tenths) if frame[2:] == LOUD]

    def end(self) -> None:
        self.ours.end(self.call)
        self.ours.settle(self.call)

    def reports(self) -> list[dict[str, Any]]:
        return self.ours.reports(self.call)


@pytest.fixture
def taped(settings: Settings, tmp_path: Path) -> Iterator[Taped]:
    with domain(settings) as (ours, api):
        call = dialled(ours, api, TWILIO, assistant=LOCAL)
        ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
        ours.hear(call, TWILIO, EventKind.MEDIA_CONNECTED)
        yield Taped(ours, call, tmp_path)


@pytest.mark.parametrize(
    ("assistant", "wanted"),
    [
        ({}, "taped"),  # Vapi's default
        ({"recordingEnabled": False}, None),
        ({"artifactPlan": {"recordingEnabled": False}, "recordingEnabled": True}, None),
        ({"hipaaEnabled": True, "recordingEnabled": True}, None),  # nothing is kept
        ({"compliancePlan": {"hipaaEnabled": True}}, None),
        ({"transport": {"provider": "echo"}}, None),  # the carrier's costs: only when asked for
        ({"transport": {"provider": "echo"}, "recordingEnabled": True}, "recorded"),
    ],
)
def test_who_is_recorded_and_by_whom(
    settings: Settings, assistant: dict[str, Any], wanted: str | None
) -> None:
    with domain(settings) as (ours, api):
        call = dialled(ours, api, TWILIO, assistant={**LOCAL, **assistant})
        with ours.context.store.read() as conn:
            row = calls.get(conn, call["id"])
    assert row is not None
    assert [name for name in ("taped", "recorded") if row["resolved"].get(name)] == (
        [wanted] if wanted else []
    )


def test_both_kinds_are_kept_and_shown(taped: Taped) -> None:
    taped.keep("one", 0.0, 0.5)
    assert [(row["kind"], row["source"], row["state"]) for row in taped.rows()] == [
        ("stereo", "assistant", "stored"),
        ("mono", "assistant", "stored"),
    ]
    for row, channels in zip(taped.rows(), (2, 1), strict=True):
        with wave.open(taped.context.blobs.open(row["blob"])) as sound:
            assert (sound.getnchannels(), sound.getnframes()) == (channels, RATE // 2)
        assert taped.context.blobs.size(row["blob"]) == row["bytes"]
    shown = taped.ours.get(taped.call)
    assert shown["artifact"]["recording"] == {
        "stereoUrl": shown["stereoRecordingUrl"],
        "mono": {
            "combinedUrl": shown["recordingUrl"],
            "customerUrl": shown["customerRecordingUrl"],
            "assistantUrl": shown["assistantRecordingUrl"],
        },
    }


def test_a_server_that_lists_it_is_told_what_is_stored(settings: Settings, tmp_path: Path) -> None:
    with domain(settings) as (ours, api):
        assistant = {**LOCAL, "serverMessages": ["call.artifact.upload"]}
        call = dialled(ours, api, TWILIO, assistant=assistant)
        ours.hear(call, TWILIO, EventKind.MEDIA_CONNECTED)
        Taped(ours, call, tmp_path).keep("one", 0.0, 0.1)
        (sent,) = ours.calls.messages(default_org.ORG_ID, call["id"])
    assert sent["body"]["message"]["artifacts"] == [
        {"type": "recording-stereo", "success": True},
        {"type": "recording-mono", "success": True},
    ]


@pytest.mark.parametrize(
    "order",
    [
        [("one", 0.0), ("two", 1.0)],
        [("two", 1.0), ("one", 0.0)],  # the first one's process was killed
        [("one", 0.0), ("two", 1.0), ("one", 0.0)],  # killed after it was kept: in it once
    ],
)
def test_several_sockets_are_one_recording(taped: Taped, order: list[tuple[str, float]]) -> None:
    for stream, after in order:
        taped.keep(stream, after, 0.5)
    assert taped.loud() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert len(taped.rows()) == 2


def test_a_clock_that_was_set_fills_no_disk(taped: Taped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "MOST_SILENCE", 0.2)
    for stream, after in [("one", 0.0), ("two", 3600.0)]:
        taped.keep(stream, after, 0.5)
    assert taped.loud() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_the_link_stays_and_the_shorter_files_go(taped: Taped) -> None:
    taped.keep("one", 0.0, 0.5)
    before, ids = [row["blob"] for row in taped.rows()], [row["id"] for row in taped.rows()]
    taped.keep("two", 1.0, 0.5)
    assert [row["id"] for row in taped.rows()] == ids
    orders = [key for key in taped.ours.later.waiting if key.startswith("erase-files:")]
    for key in orders:
        recording_files.erase(taped.context, json.loads(taped.ours.later.payloads[key]))
    for key in before:
        with pytest.raises(NoBlob):
            taped.context.blobs.open(key)
    assert taped.loud()


def test_the_report_waits_for_every_socket(taped: Taped) -> None:
    taped.expect("one")
    taped.expect("two")
    taped.keep("one", 0.0, 0.2)
    taped.end()
    assert taped.reports() == []
    taped.keep("two", 1.0, 0.2)
    (report,) = taped.reports()
    assert report["recordingUrl"] == report["artifact"]["recording"]["mono"]["combinedUrl"]


def test_a_socket_without_sound_holds_nothing_up(taped: Taped) -> None:
    taped.expect("one")
    taped.end()
    taped.keep("one", 0.0, 0.0)
    (report,) = taped.reports()
    assert "recordingUrl" not in report
    assert taped.rows() == []


def test_of_a_call_that_was_deleted_nothing_is_kept(taped: Taped) -> None:
    tape = taped.tape("one", 0.0, 0.2)
    taped.end()
    taped.ours.delete(taped.call)
    local_recordings.append(taped.context, tape)
    assert any(key.startswith("erase-files:") for key in taped.ours.later.waiting)


def test_what_cannot_be_read_is_said(taped: Taped) -> None:
    tape = taped.tape("one", 0.0, 0.2)
    tape.path.write_bytes(b"no sound")
    with pytest.raises(StoreFailed):
        local_recordings.append(taped.context, tape)
