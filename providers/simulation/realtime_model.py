"""A model that hears and speaks, for a simulated call: OpenAI's ``/v1/realtime``, as far as a call needs it.

Told what to say, it speaks a tone. Any other answer of it ends the call, by its tool.
https://platform.openai.com/docs/api-reference/realtime-client-events
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from providers.common.audio import pcm_to_mulaw
from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.media_socket import tone
from providers.simulation.stage import Stage
from providers.simulation.supervisor import VOICE
from providers.simulation.timeline import SimulatorError

PATH = "/v1/realtime"
# How long the model speaks, with the tone that ``supervisor.sounds`` knows, and a piece of it.
SPEAK_SECONDS, PIECE_SECONDS = 0.8, 0.1
MODEL = "gpt-realtime"
SPEECH_TO_SPEECH = {
    "name": "Simulated model that hears and speaks",
    "transport": {"provider": "local"},
    "model": {"provider": "openai", "model": MODEL, "tools": [{"type": "endCall"}]},
    "firstMessage": "Press one to end the call.",
}
NEEDED = (
    f"OPENAI_BASE_URL is not http://127.0.0.1:PORT{PATH.rpartition('/')[0]}: give it to the bridge"
    " and to the simulator, with any OPENAI_API_KEY: the model is simulated there"
)


@dataclass
class RealtimeSession:
    """One session of the model."""

    socket: ServerConnection
    tools: list[str] = field(default_factory=list)
    rate: int = 24_000
    ids: Iterator[int] = field(default_factory=count)

    def run(self) -> None:
        self._tell("session.created", session={"type": "realtime", "model": MODEL})
        try:
            for message in self.socket:
                told = json.loads(message)
                if answer := _ANSWERS.get(told.get("type")):
                    answer(self, told)
        except ConnectionClosed:
            return

    def update(self, told: JsonObject) -> None:
        session = told["session"]
        form = session.get("audio", {}).get("output", {}).get("format", {})
        self.rate = 8000 if form.get("type") == "audio/pcmu" else self.rate
        self.tools = [each["name"] for each in session.get("tools", self.tools)]
        self._tell("session.updated", session=session)

    def respond(self, told: JsonObject) -> None:
        response = {"id": f"resp_{next(self.ids)}", "status": "in_progress"}
        self._tell("response.created", response=response)
        is_told = told.get("response", {}).get("input") == []
        output = [] if is_told else [self._end_call()]
        if is_told:
            self._speak(str(response["id"]))
        usage = {"total_tokens": 180, "input_tokens": 160, "output_tokens": 20}
        done = {**response, "status": "completed", "output": output, "usage": usage}
        self._tell("response.done", response=done)

    def _end_call(self) -> JsonDict:
        ids = {"id": f"item_{next(self.ids)}", "call_id": f"call_{next(self.ids)}"}
        name = self.tools[0] if self.tools else "endCall"
        return {**ids, "type": "function_call", "name": name, "arguments": "{}"}

    def _speak(self, response: str) -> None:
        item = f"item_{next(self.ids)}"
        common = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        for number in range(round(SPEAK_SECONDS / PIECE_SECONDS)):
            words = " ".join(("Press", "one", "to", "end", "the", "call.")[number : number + 1])
            self._tell("response.output_audio_transcript.delta", **common, delta=f"{words} ")
            pcm = tone(number, self.rate, VOICE, PIECE_SECONDS)
            data = pcm_to_mulaw(pcm) if self.rate == 8000 else pcm
            sound = base64.b64encode(data).decode()
            self._tell("response.output_audio.delta", **common, delta=sound)

    def _tell(self, kind: str, **more: Any) -> None:
        self.socket.send(json.dumps({"type": kind, "event_id": f"event_{next(self.ids)}", **more}))


_ANSWERS: Mapping[str, Callable[[RealtimeSession, JsonObject], None]] = {
    "session.update": RealtimeSession.update,
    "response.create": RealtimeSession.respond,
}


@contextmanager
def realtime_model(stage: Stage) -> Iterator[list[RealtimeSession]]:
    """Serve the model at the bridge's address of it. Raises ``SimulatorError``."""
    if not stage.config.model_port:
        raise SimulatorError(NEEDED)
    sessions = list[RealtimeSession]()

    def meet(socket: ServerConnection) -> None:
        stage.timeline.add("bridge -> model", "opens a session")
        sessions.append(RealtimeSession(socket))
        sessions[-1].run()

    def other(socket: ServerConnection, request: Request) -> Response | None:
        known = request.path.partition("?")[0] == PATH
        return None if known else socket.respond(HTTPStatus.NOT_FOUND, "")

    try:
        server = serve(meet, "127.0.0.1", stage.config.model_port, process_request=other)
    except OSError as error:
        raise SimulatorError(f"the model cannot be served: {error}") from error
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield sessions
