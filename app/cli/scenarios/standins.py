"""The stand-ins of a test on one loopback port: a model, a transcriber, a voice, a client's server.

Each speaks a protocol that Vapi documents for a client's own server. So they need no account, and
work with a bridge of another machine too. Every call has a path of its own.
https://docs.vapi.ai/customization/custom-llm/using-your-server
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

import uvicorn

from app.cli.scenarios import scripted_model, scripted_transcriber, scripted_voice, tool_server
from app.cli.scenarios.asgi import Receive, Send, read_body, respond
from app.cli.scenarios.script import Script

START_SECONDS = 10.0
Scope = Mapping[str, Any]


class StandIns:
    """``with StandIns() as standins``: then ``base`` of each script that was added."""

    def __init__(self, port: int = 0, public_url: str | None = None) -> None:
        """``public_url``: what leads here from the bridge's machine; None: it is this one."""
        self._scripts: dict[str, Script] = {}
        self._public = public_url
        config = uvicorn.Config(
            self, host="127.0.0.1", port=port, log_level="error", lifespan="off", loop="asyncio"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="stand-ins", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise OSError("the stand-ins' port cannot be opened: is it taken?")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(START_SECONDS)

    @property
    def url(self) -> str:
        (server,) = self._server.servers
        port = server.sockets[0].getsockname()[1]
        return self._public or f"http://127.0.0.1:{port}"

    def base(self, name: str, script: Script) -> str:
        """The address of this call's stand-ins. ``name``: of letters, digits and hyphens."""
        self._scripts[name] = script
        return f"{self.url}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, name, part = (*str(scope["path"]).split("/", 2), "", "")[:3]
        script = self._scripts.get(name)
        if scope["type"] == "websocket":
            await receive()
            if script is None or part != "transcriber":
                await send({"type": "websocket.close", "code": 1008})
                return
            with suppress(OSError):
                await scripted_transcriber.serve(script, receive, send)
            return
        body = await read_body(receive)
        answer = ANSWERS.get(part)
        if script is None or answer is None:
            await respond(send, 404, b"{}")
            return
        with suppress(OSError, asyncio.CancelledError):
            await answer(script, json.loads(body or b"{}"), send)


ANSWERS: Mapping[str, Callable[[Script, Any, Send], Awaitable[None]]] = {
    "model/chat/completions": scripted_model.answer,
    "voice": scripted_voice.answer,
    "server": tool_server.answer,
}
