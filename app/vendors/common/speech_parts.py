"""What a speech-to-speech model is asked, and what it answers. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pipecat.frames.frames import DataFrame, SystemFrame


@dataclass
class RespondFrame(DataFrame):
    """The model is to respond to the conversation as it stands."""


@dataclass
class TellFrame(DataFrame):
    """A message that was not spoken. ``role``: user, assistant, system."""

    role: str = "user"
    text: str = ""
    respond: bool = False


@dataclass
class ResultsFrame(DataFrame):
    """Results of tools want an answer."""


@dataclass
class ModelAskedFrame(SystemFrame):
    """The model was asked for speech. ``answer``: to the caller; else it says a given text."""

    answer: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the model, one after the other."""

    say: str | None = None
    """Speak this text; None: respond."""
    to_turn: bool = False
    """The caller's turn is over, and this answers it."""


@dataclass(slots=True)
class Piece:
    """Speech of one item of the vendor's conversation. Seconds of the model's own sound."""

    item: str
    part: int
    start: float
    seconds: float = 0.0


@dataclass(slots=True)
class Response:
    """One response of the model."""

    request: Request
    id: str = ""
    """The vendor's id of it, once known."""
    began: bool = False
    """Some of its speech or words came."""
    cut: bool = False
    """It was interrupted: what still comes of it is dropped."""
    text: str = ""
    pieces: list[Piece] = field(default_factory=list)

    def heard(self, until: float) -> list[tuple[Piece, float]]:
        """The pieces that were not played in whole by ``until``, with their heard seconds."""
        cut = [(piece, min(max(0.0, until - piece.start), piece.seconds)) for piece in self.pieces]
        return [(piece, seconds) for piece, seconds in cut if seconds < piece.seconds]


@dataclass(slots=True)
class Turn:
    """One turn of the caller. Times: seconds since 1970."""

    began: float
    ended: float = 0.0
    pcm: bytearray = field(default_factory=bytearray, repr=False)
    """Its sound, for a socket that replaces a lost one."""
    texts: list[str] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Playback:
    """Seconds of the model's sound: ``sent`` to the carrier, and ``heard`` by the caller."""

    sent: float = 0.0
    heard: float = 0.0


@dataclass
class Hooks:
    """What the model asks and tells; the pipeline sets it."""

    playback: Callable[[], Playback] = Playback
    history: Callable[[], Sequence[Mapping[str, str]]] = tuple
    """The messages so far, with ``role`` (user, assistant, system) and ``content``."""
    transcribed: Callable[[str, float, float], None] = lambda text, began, ended: None
    """The final text of a turn of the caller."""
    transcribing: Callable[[str], None] = lambda text: None
    """The text so far."""
    worded: Callable[[str], None] = lambda text: None
    """A piece of what the model says, ahead of its sound."""
    begins: Callable[[], None] = lambda: None
    """A response begins."""


def with_history(system: str | None, said: Sequence[Mapping[str, str]]) -> str:
    """The instructions, with what was said before this socket was opened."""
    if not said:
        return system or ""
    names = {"user": "Caller", "assistant": "You", "system": "Note"}
    lines = [f"{names[each['role']]}: {each['content']}" for each in said if each["role"] in names]
    return "\n".join(
        [system or "", "", "The call is in progress. What was said so far:", *lines]
    ).strip()
