"""What the caller heard, read from the two sides of a call: answers and their latency. Pure.

Audio is 16-bit mono PCM. All times are seconds of the tape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from providers.common.audio import SAMPLE_WIDTH, level
from providers.simulation.script import TakenTurn, Tape

STEP_SECONDS = 0.01
# Mean level of a step with a voice; 16-bit samples.
LOUD = 200
# Shorter sound is a click, shorter silence is inside a sentence.
CLICK_SECONDS = 0.02
PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Span:
    """Sound from ``begin`` to ``end``."""

    begin: float
    end: float


def spans(pcm: bytes, rate: int) -> list[Span]:
    """Where there is sound, without pauses of ``PAUSE_SECONDS`` in it."""
    found = list[Span]()
    for span in _sounds(pcm, rate):
        if found and span.begin - found[-1].end < PAUSE_SECONDS:
            found[-1] = Span(found[-1].begin, span.end)
        elif span.end - span.begin >= CLICK_SECONDS:
            found.append(span)
    return found


def _sounds(pcm: bytes, rate: int) -> Iterator[Span]:
    size = int(rate * STEP_SECONDS) * SAMPLE_WIDTH
    begin: float | None = None
    for number, at in enumerate(range(0, len(pcm) - size + 1, size)):
        loud = level(pcm[at : at + size]) > LOUD
        if loud and begin is None:
            begin = number * STEP_SECONDS
        if not loud and begin is not None:
            yield Span(begin, number * STEP_SECONDS)
            begin = None
    if begin is not None:
        yield Span(begin, len(pcm) / SAMPLE_WIDTH / rate)


@dataclass(frozen=True, slots=True)
class Heard:
    """Both sides of one call."""

    caller: Sequence[Span]
    assistant: Sequence[Span]

    @classmethod
    def of(cls, tape: Tape) -> Heard:
        if not tape.rate:
            return cls((), ())
        return cls(spans(bytes(tape.said), tape.rate), spans(bytes(tape.heard), tape.rate))

    def answer_after(self, taken: TakenTurn, until: float) -> float | None:
        """Milliseconds from the end of a turn to the answer's first sound; None: none came.

        ``until``: when the next turn begins.
        """
        end = self.end_of(taken)
        begins = (each.begin for each in self.assistant if end <= each.begin < until)
        first = next(begins, None)
        return None if first is None else round((first - end) * 1000, 1)

    def end_of(self, taken: TakenTurn) -> float:
        """The caller's last sound of a turn; the begin of silence and noise."""
        if not taken.turn.answered:
            return taken.began
        ended = taken.began if taken.ended is None else taken.ended
        inside = [each.end for each in self.caller if taken.began <= each.begin < ended]
        return min(inside[-1], ended) if inside else ended

    def stopped(self, taken: TakenTurn) -> float | None:
        """Milliseconds from the begin of a turn until the assistant was quiet.

        None: it did not speak then.
        """
        over = [each for each in self.assistant if each.begin < taken.began < each.end]
        return round((over[0].end - taken.began) * 1000, 1) if over else None
