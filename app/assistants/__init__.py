"""Who answers the media socket. Each is one file, one class, one line here.

An assistant is made for one call and satisfies ``app.media.stream.Assistant``. It knows neither
carrier nor store. Which one a call gets: docs/assistants.md.
"""

from __future__ import annotations

from collections.abc import Callable

from app.assistants.echo import Echo
from app.assistants.local import Local
from app.assistants.relay import Stream
from app.domain.services.media import Seat
from app.media.backend import Assistant

BACKENDS: dict[str, Callable[[Seat], Assistant]] = {
    "local": Local,
    "echo": Echo,
    "stream": Stream,
}
"""By the name that ``ASSISTANT_BACKEND`` and an assistant's ``transport.provider`` use."""
