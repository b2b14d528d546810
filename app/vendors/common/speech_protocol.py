"""What a vendor of models that hear and speak has to say of its protocol. Imports pipecat."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pipecat.metrics.metrics import LLMTokenUsage
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.vendors.common.clean_text import CleanModel
from app.vendors.common.errors import MAX_ERROR_TEXT
from app.vendors.common.llm_settings import no_settings
from app.vendors.common.speech_parts import (
    Hooks,
    Piece,
    Request,
    Response,
    Turn,
    with_history,
)
from app.vendors.common.speech_spec import SpeechSpec
from providers.common.json_types import JsonDict, JsonObject

# Sound from before the turn was noticed, beyond the wait of the voice detector.
MARGIN_SECONDS = 0.4
# Responses that may wait for each other to be played.
KEPT_RESPONSES = 8
SAY = (
    "Say the following text to the caller now, word for word, in the language it is written in. "
    "Add nothing, and do not answer it.\n\n"
)


class Refused(Exception):
    """The server refuses the session: another attempt would get the same answer."""


class SpeechProtocol(CleanModel):
    """One model of one call: its state, and the vendor's part of it."""

    output_rate: int
    """Hz of the sound that it gives."""
    transcriber: str | None = None
    """The vendor's transcriber of the caller's turns, where it has a price of its own."""

    def __init__(self, spec: SpeechSpec) -> None:
        super().__init__(settings=no_settings(spec.llm.model))
        self.spec = spec
        self.hooks = Hooks()
        self.context = LLMContext()
        self.preroll_seconds = MARGIN_SECONDS
        # Whether it answers the caller's turns. An answering machine gets no answer.
        self.answers = True
        self.tools: list[JsonDict] = []
        self.heard_seconds = 0.0
        """Of the caller's turns."""
        self.turns = deque[Turn]()
        """The turns without a final text, the oldest first."""
        self.response: Response | None = None
        self._played = deque[Response](maxlen=KEPT_RESPONSES)
        """Responses that the vendor has given, and the caller may not have heard yet."""
        self._turn: Turn | None = None
        self._last_turn: Turn | None = None
        self._preroll = bytearray()
        self._requests = deque[Request]()
        self._socket: ClientConnection | None = None
        self.may_open = asyncio.Event()
        """Cleared while what its instructions tell is not known yet."""
        self.may_open.set()
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        """Keeps the session open."""
        self._losses = list[float]()
        self._results_wait = False
        self._sounding = False
        self._at = 0.0
        self._ending = False

    @abstractmethod
    def url(self) -> str:
        """The address of its socket."""

    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """The headers of the handshake."""

    @abstractmethod
    async def greet(self, socket: ClientConnection) -> None:
        """Configure the session. Raises ``Refused``."""

    @abstractmethod
    async def take(self, message: JsonObject) -> None:
        """Take one message of the server."""

    @abstractmethod
    async def send_sound(self, pcm: bytes) -> None:
        """Send the caller's sound, 16-bit at the line's rate."""

    @abstractmethod
    async def open_turn(self) -> None:
        """The caller's turn begins; sound follows."""

    @abstractmethod
    async def close_turn(self) -> None:
        """The caller's turn is over."""

    @abstractmethod
    async def ask(self, response: Response) -> None:
        """Ask for a response."""

    @abstractmethod
    async def stop_response(self, response: Response | None) -> None:
        """Stop the response in progress; None: the vendor has given all of it."""

    async def truncate(self, piece: Piece, seconds: float) -> None:
        """Let the vendor forget what the caller did not hear, behind so many seconds of a piece."""

    @abstractmethod
    async def tell(self, role: str, text: str) -> None:
        """Add a message that was not spoken."""

    @abstractmethod
    async def answer_tool(self, call_id: str, name: str, result: str) -> None:
        """Give the result of a tool."""

    @abstractmethod
    async def tools_changed(self) -> None:
        """Take ``tools`` into the open session."""

    def is_busy(self) -> bool:
        """Whether the server would refuse another request now."""
        return self.response is not None

    @property
    def has_to_speak(self) -> bool:
        """Whether something that was asked is not said yet."""
        return bool(self._requests) or self.response is not None

    def forget(self) -> None:
        """A new socket is about to be opened: nothing of the old session holds."""

    @property
    def instructions(self) -> str:
        """The system prompt, with what was said already."""
        return with_history(self.spec.llm.system, self.hooks.history())

    async def send(self, **message: Any) -> None:
        """Send a message. Without a socket it is lost."""
        socket = self._socket
        if socket is None:
            return
        with suppress(ConnectionClosed):  # the reader of the socket notices, and opens another
            await socket.send(json.dumps(message))

    def can_generate_metrics(self) -> bool:
        return True

    async def fail(
        self, text: str, category: ErrorCategory | None = None, cause: Exception | None = None
    ) -> None:
        """Report a failure that ends the call."""
        await self.push_error(
            text[:MAX_ERROR_TEXT], exception=cause, category=category, force_treat_as_permanent=True
        )

    async def count(self, tokens: LLMTokenUsage) -> None:
        """Count the usage of a response."""
        await self.start_llm_usage_metrics(tokens)
