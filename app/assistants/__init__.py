"""The assistant backends that answer a media stream. Each is one class, and one line here.

A backend is made for one call and satisfies ``app.media.backend.AssistantBackend``. It knows
neither carrier nor store. docs/assistants.md says which backend a call gets.
"""

from __future__ import annotations

from collections.abc import Callable

from app.assistants.echo import Echo
from app.assistants.local import Local
from app.assistants.relay import Relay
from app.assistants.upstream import Upstream
from app.domain.services.media import StreamClaim
from app.media.backend import AssistantBackend

# By the name that ``ASSISTANT_BACKEND`` and an assistant's ``transport.provider`` use.
BACKENDS: dict[str, Callable[[StreamClaim], AssistantBackend]] = {
    "local": Local,
    "echo": Echo,
    "stream": Relay,
    "vapi": Upstream,
}
