"""A leg at Acme: what the carrier sends to a running application, and what it is answered."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from websockets.asyncio.client import connect

from tests.fakes.carriers.acme import HEADER, sign

REF = "acme42"
KEY = "a signing key"
RECORDED = {"leg": "leg-1", "from": "+14155550123", "to": "+15005550006", "seq": "1"}
"""Fields of a webhook, beside its event."""
ENVIRON = {
    "ACME_ACCOUNT": REF,
    "ACME_KEYS": f"the next key, {KEY}",
    "ACME_PHONE_NUMBER": RECORDED["to"],
}
"""Acme's variables of the bridge that it calls."""
SOUND = b"\x00\x10" * 320


def sound_message(pcm: bytes) -> str:
    return json.dumps({"type": "sound", "pcm": base64.b64encode(pcm).decode()})


class Leg:
    """One leg. ``address``: the application's ``host:port``; ``public_url``: what Acme signs."""

    def __init__(self, address: str, public_url: str, ref: str = RECORDED["leg"]) -> None:
        self.fields = {**RECORDED, "leg": ref}
        self.address = address
        self.public_url = public_url

    def post(self, path: str, event: str, **fields: str) -> Any:
        """One webhook; its JSON answer."""
        body = json.dumps({**self.fields, "event": event, **fields}).encode()
        signed = {HEADER: sign(KEY, REF, self.public_url + path, body)}
        answer = urllib3.request("POST", f"http://{self.address}{path}", body=body, headers=signed)
        assert answer.status in (200, 204), answer.data
        return answer.json() if answer.data else None

    async def speak(self, stream: Mapping[str, Any]) -> bytes:
        """Join the media socket and say something; the first sound that comes back, silence apart."""
        signed = {HEADER: sign(KEY, REF, stream["url"], b"")}
        url = f"ws://{self.address}{urlsplit(stream['url']).path}"
        async with connect(url, additional_headers=signed, proxy=None) as socket:
            start = {"type": "start", "leg": self.fields["leg"], "with": stream["with"]}
            await socket.send(json.dumps(start))
            await socket.send(sound_message(SOUND))
            async for message in socket:
                said = json.loads(message)
                pcm = base64.b64decode(said.get("pcm", ""))
                if pcm.strip(b"\0"):
                    return pcm
        raise AssertionError("the socket was closed, and nothing was said")

    async def whole_call(self, assistant_id: str) -> bytes:
        """Answer webhook, sound, and the caller hangs up; what the assistant said."""
        run = asyncio.to_thread
        markup = await run(self.post, f"/acme/answer?assistantId={assistant_id}", "incoming")
        said = await self.speak(markup["do"][0])
        await run(self.post, "/acme/status", "hung-up", seq="2")
        return said
