"""Both sides of a stream, placed on the timeline that its recording has."""

from __future__ import annotations

from collections.abc import Callable

from app.media.recording.track import WIDTH, Track

# How late the caller's audio may come and still count as unbroken.
JITTER_SECONDS = 0.2


class Side(Track):
    """One direction. ``sink`` gets its audio in order, once it was played."""

    def __init__(self, rate: int, sink: Callable[[bytes], object]) -> None:
        super().__init__(rate)
        self._sink = sink

    def settle(self, until: int) -> None:
        """Hand over all audio before this sample: it was played."""
        self._sink(self.take(min(until, self.end)))

    def cut(self, at: int) -> None:
        self.settle(at)
        super().cut(at)


class Timeline:
    """An audio tap. ``began``: its first moment, by ``clock`` in seconds."""

    def __init__(
        self, rate: int, clock: Callable[[], float], began: float, caller: Side, assistant: Side
    ) -> None:
        self._rate = rate
        self._clock = clock
        self.began = began
        self._caller, self._assistant = caller, assistant

    def heard(self, pcm: bytes) -> None:
        """Take the caller's audio. A gap counts only above the network's jitter."""
        starts = self._now() - len(pcm) // WIDTH
        late = starts - self._caller.end > JITTER_SECONDS * self._rate
        self._caller.put(starts if late else 0, pcm)
        self._caller.settle(self._caller.end)

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        now = self._now()
        self._assistant.settle(now)
        self._assistant.put(now + round(buffered_seconds * self._rate), pcm)

    def cleared(self) -> None:
        self._assistant.cut(self._now())

    def _now(self) -> int:
        return round((self._clock() - self.began) * self._rate)
