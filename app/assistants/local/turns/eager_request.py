"""Asks the model while the caller's pause is still being waited out.

pipecat asks it with a copy of the conversation, and holds its answer back until the turn is over. If
the caller goes on, the request is stopped and its answer thrown away. A tool that such an answer
calls does not run: the model is asked again when the turn is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import LLMContextFrame, LLMRunFrame
from pipecat.turns.types import UserTurnSpeculation
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

# After a longer wait the caller probably goes on. The first answer's deadline is far longer.
LONGEST_WAIT_SECONDS = 1.0


class RequestText(str):
    """The caller's words in one request. Another request with the same words has another object."""

    __slots__ = ()


@dataclass
class EagerRequests:
    """What the parts of one call know of them."""

    wanted: RequestText | None = None
    """Of the request that was made last, until it is withdrawn."""

    def is_withdrawn(self, frame: LLMContextFrame) -> bool:
        """Whether this request has been withdrawn before it came to the model.

        Requests wait in pipecat's queues, and their withdrawal overtakes them.
        """
        if not frame.speculation:
            return False
        last: Any = frame.context.messages[-1]
        return last["content"] is not self.wanted


class EagerRequest:
    """The one request of a turn that may not be over. ``strategy`` decides on the turn."""

    def __init__(self, strategy: BaseUserTurnStopStrategy, requests: EagerRequests | None) -> None:
        """``requests`` None: there are none in this call."""
        self._strategy = strategy
        self._requests = requests
        # Whether the model was, or may have been, asked; and the words, if it was.
        self._is_asked = self._confirms = False
        # Whether its answer belongs to the last turn; and whether it was dropped just then.
        self._is_confirmed = self._is_dropped = False
        self._text: str | None = None

    async def ask(self, text: str, wait: float) -> None:
        """Ask about this text, whose turn is over in ``wait`` seconds unless the caller goes on."""
        likely = bool(text) and wait <= LONGEST_WAIT_SECONDS
        if likely and text == self._text:
            return
        await self.withdraw()
        if self._requests is None or not likely:
            return
        self._is_asked, self._is_confirmed = True, False
        self._requests.wanted = RequestText(text)
        await self._strategy.trigger_user_turn_inference_triggered(
            speculation=UserTurnSpeculation(text=self._requests.wanted)
        )
        self._text = text  # this task may have been cancelled meanwhile

    async def withdraw(self) -> None:
        """Stop the request, if there is one, and throw its answer away."""
        if self._is_asked and self._requests is not None:
            self._requests.wanted = None
            await self._strategy.trigger_user_turn_speculation_cancelled()  # type: ignore[no-untyped-call]
            self.forget()

    def forget(self) -> None:
        """The request is settled: it was withdrawn, or its answer is spoken."""
        self._is_asked, self._text = False, None

    def interrupted(self) -> None:
        """The model was: the end of the turn asks it again."""
        self._text = None

    async def dropped(self) -> None:
        """The model has dropped its answer, to call a tool. It is asked again when the turn is over.

        The turn may have ended while the model told it.
        """
        self._text = None
        self._is_dropped = self._confirms
        if self._is_confirmed and not self._confirms:  # while it does, the words are not written
            self._is_confirmed = False
            await self._strategy.push_frame(LLMRunFrame())

    async def end_turn(self, text: str) -> None:
        """End the turn with this text. An answer to it that is there, or on its way, is spoken."""
        answered = self._requests is not None and self._requests.wanted is not None
        if not answered or self._text != text:
            await self.withdraw()
            await self._strategy.trigger_user_turn_stopped()
            return
        self._confirms, self._is_dropped = True, False
        try:
            await self._strategy.trigger_user_turn_finalized(confirms_speculation=True)
        finally:
            self._confirms = False
        if self._is_dropped:  # meanwhile
            await self.dropped()

    async def turn_ended(self) -> None:
        """The turn is over, by ``end_turn`` or by another cause."""
        if self._confirms:
            self._is_confirmed = True
            self.forget()
        await self.withdraw()

    def turn_began(self) -> None:
        """What was answered in the turn before is of no use any more."""
        self._is_confirmed = False
