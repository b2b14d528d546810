"""Calls with a recording of the carrier's, as if it had been fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.store import calls, recordings
from app.wiring import Services
from tests.routes.api import Api

SOUND = b"theirs"


def recorded(services: Services, api: Api, place: Path) -> dict[str, Any]:
    """A new call, which names its recording. ``place``: an empty directory."""
    made = api.call()
    recording_id = kept(services, made, place)
    with services.store.write() as conn:
        row = calls.get(conn, made["id"])
        assert row is not None
        resolved = {**row["resolved"], "recordings": {"mono": recording_id}}
        calls.update(conn, made["id"], {"resolved": resolved})
    found: dict[str, Any] = api.get(f"/call/{made['id']}").json
    return found


def kept(services: Services, call: Mapping[str, Any], place: Path) -> str:
    """The id of a new recording of the call, which does not name it."""
    key, sound = "recordings/their/own.wav", place / "own.wav"
    sound.write_bytes(SOUND)
    services.context.blobs.put(key, sound, "audio/wav")
    row = {
        "id": str(uuid4()),
        "call_id": call["id"],
        "org_id": call["orgId"],
        "kind": "mono",
        "source": "carrier",
        "ref": "RE1",
        "state": recordings.STORED,
        "attempts": 0,
        "mime": "audio/wav",
        "bytes": len(SOUND),
        "blob": key,
        "created_at": services.context.now(),
    }
    with services.store.write() as conn:
        recordings.insert(conn, row)
    return str(row["id"])
