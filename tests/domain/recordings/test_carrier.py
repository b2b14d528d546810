"""Recordings of the leg: begun once, fetched, kept, shown, and erased; the report waits for them."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app import default_org
from app.domain.recordings import carrier as carrier_recordings
from app.domain.recordings import files as recording_files
from app.domain.recordings.wav import channels, mix
from app.domain.reporting import pending
from app.jobs.base import WORKERS
from app.settings import Settings
from app.store import calls
from app.store import recordings as rows
from app.store.blobs import NoBlob
from providers.events import EventKind
from providers.simulation.api_server import ApiReply
from providers.simulation.recording import wav
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import BUSY, DOWN, RestApi
from tests.fakes.carriers.twilio import TWILIO

SID = "RE" + "0123456789abcdef" * 2
TOLD = {"recordingRef": SID, "recordingUrl": "https://api.nexmo.com/v1/files/aaaa"}
RECORDED: dict[str, Any] = {
    "name": "Reception",
    "recordingEnabled": True,
    "transport": {"provider": "echo"},  # what the local assistant hears is recorded by us
    "server": {"url": "http://127.0.0.1:9/"},
}
STARTED = ApiReply(201, {"sid": SID, "status": "in-progress"})
SOUND = ApiReply(200, wav())

each_carrier = pytest.mark.parametrize("carrier", FAKES.values(), ids=lambda each: each.name)


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


class Recorded:
    """A call whose assistant is in."""

    def __init__(
        self, both: tuple[Domain, RestApi], carrier: CarrierFake, **assistant: Any
    ) -> None:
        self.ours, self.api = both
        self.carrier = carrier
        self.call = dialled(self.ours, self.api, carrier, assistant={**RECORDED, **assistant})
        self.context = self.ours.context
        self.ours.hear(self.call, carrier, EventKind.LEG_ANSWERED)
        self.ours.hear(self.call, carrier, EventKind.MEDIA_CONNECTED)

    def rows(self) -> Sequence[dict[str, Any]]:
        with self.context.store.read() as conn:
            return rows.of_call(conn, self.call["id"])

    def begin(self, *replies: ApiReply) -> float | None:
        """The carrier is asked, where it has to be."""
        self.api.replies["POST"] = list(replies or (STARTED,))
        if f"record:{self.call['id']}" in self.ours.later.waiting:
            return carrier_recordings.start(self.context, {"callId": self.call["id"]})
        return None

    def tell(self, kind: EventKind = EventKind.RECORDED, **data: Any) -> None:
        self.ours.hear(self.call, self.carrier, kind, data={**TOLD, **data})

    def fetch(self, *replies: ApiReply) -> float | None:
        self.api.replies["GET"] = list(replies or (SOUND,))
        return recording_files.fetch(self.context, {"recordingId": self.rows()[0]["id"]})

    def settle(self) -> None:
        self.ours.settle(self.call)

    def reports(self) -> list[dict[str, Any]]:
        return self.ours.reports(self.call)


@each_carrier
def test_a_recording_is_asked_for_fetched_and_shown(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    one = Recorded(both, carrier)
    assert one.begin() is None
    one.tell()
    assert "recordingUrl" not in one.ours.get(one.call)
    assert one.fetch() is None
    shown = one.ours.get(one.call)
    assert shown["recordingUrl"] != shown["stereoRecordingUrl"]
    for row, count in zip(one.rows(), (2, 1), strict=True):
        with wave.open(one.context.blobs.open(row["blob"])) as sound:
            assert sound.getnchannels() == count
        assert one.context.blobs.size(row["blob"]) == row["bytes"]
    assert one.api.asked[-1].headers["authorization"]


def test_only_who_asks_for_it_is_recorded(both: tuple[Domain, RestApi]) -> None:
    for assistant in (
        {"recordingEnabled": None},  # Vapi's default is no order to a carrier
        {"recordingEnabled": False},
        {"artifactPlan": {"recordingEnabled": False}},  # the newer name wins
        {"hipaaEnabled": True},  # nothing is kept
    ):
        one = Recorded(both, TWILIO, **assistant)
        assert f"record:{one.call['id']}" not in one.ours.later.waiting, assistant
    newer = Recorded(both, TWILIO, recordingEnabled=None, artifactPlan={"recordingEnabled": True})
    assert f"record:{newer.call['id']}" in newer.ours.later.waiting


@each_carrier
def test_however_often_the_assistant_comes_in_there_is_one(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    one = Recorded(both, carrier)
    one.begin()
    asked = len(one.api.asked)
    carrier_recordings.start(one.context, {"callId": one.call["id"]})
    one.ours.hear(one.call, carrier, EventKind.MEDIA_STARTING)
    assert (len(one.api.asked), len(one.rows())) == (asked, 1)


def test_a_start_that_timed_out_is_adopted_and_not_repeated(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    assert one.begin(DOWN) is None
    assert carrier_recordings.start(one.context, {"callId": one.call["id"]}) is None
    assert [each.method for each in one.api.asked] == ["POST"]
    one.tell()
    assert [(row["ref"], row["state"]) for row in one.rows()] == [(SID, rows.READY)]


def test_a_carrier_without_time_is_asked_again(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    assert one.begin(BUSY) == carrier_recordings.BUSY_SECONDS
    assert one.begin() is None
    assert len(one.rows()) == 1


@each_carrier
def test_told_twice_it_is_the_same_recording(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    one = Recorded(both, carrier)
    one.begin()
    one.tell()
    one.fetch()
    one.ours.legs.context.jobs.cancel(None, f"recording:{one.rows()[0]['id']}")  # type: ignore[arg-type]
    one.tell()
    assert len(one.rows()) == 2
    assert f"recording:{one.rows()[0]['id']}" not in one.ours.later.waiting


def test_it_stops_with_the_call(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.ours.end(one.call)
    assert f"record-stop:{one.call['id']}" in one.ours.later.waiting
    one.api.replies["POST"] = [DOWN, STARTED]
    assert (
        carrier_recordings.stop(one.context, {"callId": one.call["id"]})
        == carrier_recordings.RETRY_SECONDS
    )
    assert carrier_recordings.stop(one.context, {"callId": one.call["id"]}) is None
    assert (one.api.asked[-1].path.split("/")[-1], one.api.asked[-1].raw) == (
        f"{SID}.json",
        b"Status=stopped",
    )


# ------------------------------------------------------------------ the report


@each_carrier
def test_the_report_waits_and_has_the_links(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    one = Recorded(both, carrier)
    one.begin()
    one.ours.end(one.call)
    one.settle()
    assert one.reports() == []
    assert one.ours.later.waiting[f"report:{one.call['id']}"] == ("report", 20.0)
    one.tell()
    one.fetch()
    (report,) = one.reports()
    assert {"recordingUrl", "stereoRecordingUrl"} <= report.keys()
    assert f"report:{one.call['id']}" not in one.ours.later.waiting
    pending.on_timeout(one.context, {"callId": one.call["id"]})
    assert len(one.reports()) == 1


def test_the_report_goes_without_what_does_not_come(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.ours.end(one.call)
    one.settle()
    pending.on_timeout(one.context, {"callId": one.call["id"]})
    (report,) = one.reports()
    assert "recordingUrl" not in report
    one.tell()
    one.fetch()
    assert len(one.reports()) == 1
    assert "recordingUrl" in one.ours.get(one.call)


@pytest.mark.parametrize("how", ["refused", "absent", "not sound"])
def test_the_report_does_not_wait_for_what_will_never_be(
    both: tuple[Domain, RestApi], how: str
) -> None:
    one = Recorded(both, TWILIO)
    one.begin(*((TWILIO.refused,) if how == "refused" else ()))
    if how == "absent":
        one.tell(EventKind.RECORDING_FAILED)
    if how == "not sound":
        one.tell()
        assert one.fetch(ApiReply(200, b"<html>no</html>")) is None
    one.ours.end(one.call)
    one.settle()
    assert len(one.reports()) == 1
    assert [row["state"] for row in one.rows()] == [rows.FAILED]


def test_a_call_that_ends_before_it_is_recorded_waits_for_nothing(
    both: tuple[Domain, RestApi],
) -> None:
    one = Recorded(both, TWILIO)
    one.ours.end(one.call)
    assert one.begin() is None
    one.settle()
    assert (len(one.reports()), one.rows(), one.api.asked) == (1, [], [])


# ------------------------------------------------------------------ fetching


def test_fetching_is_tried_again_with_waits_and_given_up(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    waits = [one.fetch(DOWN) for _ in range(len(recording_files.WAITS) + 2)]
    assert waits == [*recording_files.WAITS, None, None]
    assert one.rows()[0]["state"] == rows.FAILED


def test_a_recording_too_large_is_given_up_at_once(
    both: tuple[Domain, RestApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    monkeypatch.setattr(recording_files, "MAX_BYTES", 100)
    assert one.fetch() is None
    assert one.rows()[0]["state"] == rows.FAILED


def test_a_recording_of_one_channel_is_mono_only(both: tuple[Domain, RestApi]) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    sound = io.BytesIO()
    with wave.open(sound, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(1600))
    assert one.fetch(ApiReply(200, sound.getvalue())) is None
    shown = one.ours.get(one.call)
    assert ("recordingUrl" in shown, "stereoRecordingUrl" in shown) == (True, False)


def test_both_sides_are_heard_in_the_mix(tmp_path: Any) -> None:
    stereo, mono = tmp_path / "stereo.wav", tmp_path / "mono.wav"
    with wave.open(str(stereo), "wb") as made:
        made.setnchannels(2)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(b"\x01\x00\x10\x00" * 3)  # 1 on the left, 16 on the right
    mix(stereo, mono)
    assert channels(mono) == 1
    with wave.open(str(mono)) as mixed:
        assert (mixed.getframerate(), mixed.readframes(9)) == (8000, b"\x11\x00" * 3)


# ------------------------------------------------------------------ away with it


def kept(both: tuple[Domain, RestApi]) -> Recorded:
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    one.fetch()
    return one


def gone(one: Recorded, keys: list[str]) -> bool:
    for key in keys:
        with pytest.raises(NoBlob):
            one.context.blobs.size(key)
    return True


def test_slow_files_leave_workers_for_other_jobs(both: tuple[Domain, RestApi]) -> None:
    """Each fetch meets the next one while the carrier sends: a file may take ten minutes."""
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    waits = list[float | None]()

    def another() -> None:
        waits.append(one.fetch(DOWN))

    one.api.meanwhile = another
    one.fetch(DOWN)
    assert waits[0] == recording_files.AT_ONCE_SECONDS
    assert len(waits) == recording_files.AT_ONCE < WORKERS / 2
    one.api.meanwhile = lambda: None
    assert one.fetch() is None


def test_a_deleted_calls_files_are_erased(both: tuple[Domain, RestApi]) -> None:
    one = kept(both)
    keys = [row["blob"] for row in one.rows()]
    one.ours.calls.delete(default_org.ORG_ID, one.call["id"])
    assert f"erase-files:{one.call['id']}" in one.ours.later.waiting
    recording_files.erase(one.context, {"keys": keys})
    assert (one.rows(), gone(one, keys)) == ([], True)


def test_a_call_deleted_while_its_recording_comes_keeps_no_file(
    both: tuple[Domain, RestApi],
) -> None:
    one = Recorded(both, TWILIO)
    one.begin()
    one.tell()
    (row,) = one.rows()
    one.api.replies["GET"] = [SOUND]
    one.api.meanwhile = lambda: one.ours.calls.delete(default_org.ORG_ID, one.call["id"])
    recording_files.fetch(one.context, {"recordingId": row["id"]})
    assert f"erase-files:{row['id']}" in one.ours.later.waiting


def test_old_recordings_are_erased_and_no_others(both: tuple[Domain, RestApi]) -> None:
    one = kept(both)
    keys = [row["blob"] for row in one.rows()]
    context = replace(
        one.context, settings=replace(one.context.settings, recording_retention_days=1)
    )
    assert recording_files.sweep(one.context, {}) is None  # none is to be erased
    assert recording_files.sweep(context, {}) == recording_files.SWEEP_SECONDS
    assert one.context.blobs.size(keys[0])
    one.ours.clock.pass_(86_401)
    recording_files.sweep(context, {})
    assert gone(one, keys)
    assert "recordingUrl" not in one.ours.get(one.call)


def test_the_sweep_takes_the_call_before_its_recording(
    both: tuple[Domain, RestApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a deletion does, which takes both: the other way round PostgreSQL finds a deadlock."""
    one = kept(both)
    context = replace(
        one.context, settings=replace(one.context.settings, recording_retention_days=1)
    )
    one.ours.clock.pass_(86_401)
    taken = list[str]()
    for module, name in ((calls, "get"), (rows, "update")):
        real = getattr(module, name)

        def noted(*args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            taken.append(_name)
            return _real(*args, **more)

        monkeypatch.setattr(module, name, noted)
    recording_files.sweep(context, {})
    assert taken == ["get", "update"] * 2
