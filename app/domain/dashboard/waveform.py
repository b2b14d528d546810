"""A recording's waveform, computed once and kept: the caller above the line, the assistant below."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.dashboard.peaks import MOST_BYTES, NoPeaks, Peaks, peaks
from app.domain.reporting.recording_links import Playable, find
from app.store.blobs import BlobError, NoBlob

MOST = 100
"""Waveforms that a process keeps."""
AT_ONCE = 1
"""Recordings read at once: a long one takes a second of a processor."""
HALF = 50
"""Height of each channel, in the drawing's own unit."""

TOO_LONG = "The recording is too long for a waveform."
BUSY = "Other waveforms are being drawn: reload the page in a moment."
GONE = "The recording cannot be read just now."


@dataclass(frozen=True, slots=True)
class Wave:
    """``path`` is that of an SVG. Without one, ``problem`` says why."""

    path: str = ""
    seconds: float = 0.0
    columns: int = 1
    height: int = 2 * HALF
    problem: str = ""


@dataclass
class Waves:
    """The newest waveforms of this process, by the recording's id."""

    _kept: OrderedDict[str, Wave] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _drawing: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )

    def of(self, context: Context, call: Call) -> Wave | None:
        """None for a call without a recording."""
        recording_id = call.facts.recordings.get("stereo") or call.facts.recordings.get("mono")
        if recording_id is None:
            return None
        with self._lock:
            if known := self._kept.get(recording_id):
                self._kept.move_to_end(recording_id)
                return known
        if not self._drawing.acquire(blocking=False):
            return Wave(problem=BUSY)
        try:
            return self._draw(context, find(context, recording_id, call.org_id, None, None))
        finally:
            self._drawing.release()

    def _draw(self, context: Context, found: Playable) -> Wave:
        if found.size > MOST_BYTES:
            return Wave(problem=TOO_LONG)
        try:
            with context.blobs.open(found.blob) as file:
                drawn = draw(peaks(file))
        except (BlobError, NoBlob, NoPeaks):
            return Wave(problem=GONE)
        with self._lock:
            self._kept[found.id] = drawn
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return drawn


def draw(found: Peaks) -> Wave:
    """One channel is drawn to both sides of the line."""
    above, below = found.channels[0], found.channels[-1]
    lines = (
        f"M{column}.5 {HALF - HALF * up:.1f}V{HALF + max(HALF * down, 0.5):.1f}"
        for column, (up, down) in enumerate(zip(above, below, strict=True))
    )
    return Wave("".join(lines), found.seconds, len(above))
