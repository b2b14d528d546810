"""The model: what is known of each call, in a few words and without the fold."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.services.media import StreamClaim
from tests.fakes.carriers.leg import Document
from tests.service.served import Recorded

RANK = ["queued", "ringing", "in-progress", "forwarding", "ended"]
RISES = {"arrived": "ringing", "ringing": "ringing", "answered": "ringing", "joined": "in-progress"}
"""What a call at least is, once this has happened."""


@dataclass
class Known:
    """One call. ``dialled``: by us, so that an answer means that the assistant is in."""

    id: str
    leg: Recorded
    dialled: bool = False
    path: str = ""
    """Where words about the leg go."""
    outbound: bool = False
    status: str = "queued"
    name: str | None = None
    document: Document | None = None
    fresh: bool = False
    """Nothing has connected by the document."""
    claims: list[StreamClaim] = field(default_factory=list)
    settled: bool = False
    turn: int = 0

    @property
    def ended(self) -> bool:
        return self.status == "ended"

    def happened(self, what: str) -> None:
        least = "in-progress" if what == "answered" and self.dialled else RISES[what]
        self.status = max(self.status, least, key=RANK.index)

    def end(self) -> None:
        self.status = "ended"
