"""Plays the caller's side of a real call's recording at an assistant as it is now."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path

from app.cli.scenarios.api import Api, ApiFailed
from app.cli.scenarios.loading import Loaded
from app.cli.scenarios.play import messages
from app.cli.scenarios.recorded import CALLER, KEYS, NOT_KEPT, NotRecordable, way_of
from app.cli.scenarios.schema import Scenario
from providers.common.audio import SAMPLE_WIDTH, channel
from providers.common.json_types import JsonDict, JsonObject

# The channel of the caller in a stereo recording.
LEFT = 0
# How long the caller stays after the last of the recording, if the assistant is quiet.
PATIENCE_SECONDS = 8.0


def loaded(
    api: Api, call_id: str, assistant: JsonDict | None, folder: Path
) -> tuple[JsonObject, Loaded]:
    """The call, and a scenario that plays its caller. ``assistant``: None takes the call's own.

    Raises ``NotRecordable`` and ``ApiFailed``.
    """
    call = api.ask("GET", f"/call/{call_id}")
    url = call.get("stereoRecordingUrl")
    if not url:
        raise NotRecordable(f"call {call_id} has no stereo recording")
    caller, rate = _caller(api.download(str(url)))
    steps = list(_steps(call, caller, rate, folder))
    if assistant is None:
        found = assistant_of(api, call)
        assistant = {name: value for name, value in found.items() if name not in NOT_KEPT}
    scenario = Scenario.model_validate(
        {
            "name": f"replay/{call_id}",
            "carrier": call.get("phoneCallProvider"),
            "way": way_of(call),
            "assistant": assistant,
            **dict.fromkeys(("model", "transcriber", "voice"), "own"),
            "turns": steps,
            "patience_seconds": PATIENCE_SECONDS,
        }
    )
    return call, Loaded(scenario, folder / "replay.yaml")


def assistant_of(api: Api, call: JsonObject) -> JsonDict:
    """The call's assistant: its own, or the stored one as it is now.

    Raises ``NotRecordable`` and ``ApiFailed``.
    """
    if isinstance(call.get("assistant"), dict):
        found: JsonDict = call["assistant"]
        return found
    if call.get("assistantId"):
        try:
            stored: JsonDict = api.ask("GET", f"/assistant/{call['assistantId']}")
        except ApiFailed as error:
            raise NotRecordable(f"name the assistant's file with --assistant: {error}") from error
        return stored
    raise NotRecordable("the call has no assistant of its own: squads cannot be recorded")


def _caller(recording: bytes) -> tuple[bytes, int]:
    """The caller's side, 16-bit mono PCM, and its rate. Raises ``NotRecordable``."""
    try:
        with wave.open(io.BytesIO(recording)) as file:
            if file.getnchannels() != 2 or file.getsampwidth() != SAMPLE_WIDTH:
                raise NotRecordable("the recording is not stereo with 16 bit")
            return channel(file.readframes(file.getnframes()), LEFT), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise NotRecordable(f"the recording is not a WAV file: {error}") from error


def _steps(call: JsonObject, caller: bytes, rate: int, folder: Path) -> Iterator[JsonDict]:
    """The caller's sound, cut where keys were pressed: they are not in the sound."""
    at = 0
    for number, (second, keys) in enumerate([*_keys(call), (None, "")]):
        end = len(caller) if second is None else int(second * rate) * SAMPLE_WIDTH
        piece = caller[at : max(at, end)]
        if piece:
            _write(folder / f"caller-{number}.wav", piece, rate)
            yield {"audio": f"caller-{number}.wav", "send_after": {"delay_ms": 0}}
        if keys:
            yield {"dtmf": keys, "send_after": {"delay_ms": 0}}
        at = max(at, end)


def _keys(call: JsonObject) -> Iterator[tuple[float, str]]:
    """The second of the call at which keys were pressed, and which."""
    for message in messages(call):
        keys = "".join(KEYS.findall(str(message.get("message", ""))))
        if message.get("role") == CALLER and keys:
            yield float(message.get("secondsFromStart") or 0.0), keys


def _write(path: Path, pcm: bytes, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, SAMPLE_WIDTH, rate, 0, "NONE", ""))
        file.writeframes(pcm)
