"""Who answers the media socket. Each is one file, one class, one line here.

An assistant is made for one call and satisfies ``app.media.stream.Assistant``. It knows neither
carrier nor store. Which one a call gets: docs/assistants.md.
"""

from __future__ import annotations

from collections.abc import Callable

from app.assistants.echo import Echo
from app.assistants.local import Local
from app.assistants.relay import Relay
from app.domain.services.media import StreamClaim
from app.media.backend import AssistantBackend

BACKENDS: dict[str, Callable[[StreamClaim], AssistantBackend]] = {
    "local": Local,
    "echo": Echo,
    "stream": Relay,
}
"""By the name that ``ASSISTANT_BACKEND`` and an assistant's ``transport.provider`` use."""
