"""``python -m bench.floor PORT``: a minimal media server, under the bridge's own web server.

It is a websocket loop without pipecat, store or domain. The loop decodes every message of the
carrier and sends its audio back, encoded.
"""

from __future__ import annotations

import sys

import uvicorn

from app.media.socket import Socket, SocketClosed
from app.server.environ import Scope
from app.server.worker import SETTINGS
from app.server.wsgi_bridge import Receive, Send
from providers.base.media import Audio
from providers.registry import PROVIDERS


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    socket = Socket(scope, receive, send, stall_seconds=10.0)
    codec = PROVIDERS["twilio"].serializer()
    try:
        await socket.accept()
        while True:
            frame = codec.decode(await socket.receive())
            if isinstance(frame, Audio):
                for message in codec.audio(frame.pcm):
                    await socket.send(message)
    except SocketClosed:
        return


if __name__ == "__main__":
    settings = {**SETTINGS, "http": "auto", "ws": "websockets-sansio", "lifespan": "off"}
    uvicorn.run(application, port=int(sys.argv[1]), log_level="error", **settings)
