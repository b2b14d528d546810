"""What a load saw: each answer and each delivered message, by the second of its cause."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.client import Answer
from bench.figures import percentile

CREATE, CALLBACK, MARKUP, HEALTH = "create", "callback", "markup", "healthz"
UPDATE, REPORT = "status-update", "end-of-call-report"
REFUSED = 503
Cause = tuple[str, str]
"""A call's id, and the status that it gets; for the report, its type."""


@dataclass
class Bucket:
    """The requests that were due in some seconds, and the messages that they caused."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds to an answer, or from the cause of a message to its delivery."""
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """Neither accepted nor refused, or no answer in time."""
    waiting: int = 0
    """Messages on their way at the end of the bucket."""
    cpu: float = 0.0

    def add(self, other: Bucket) -> None:
        for kind, times in other.times.items():
            self.times[kind] += times
        self.refused += other.refused
        self.failed += other.failed
        self.waiting, self.cpu = other.waiting, self.cpu + other.cpu

    def row(self) -> str:
        words = [str(self.waiting)]
        for kinds in ((CREATE,), (CALLBACK, MARKUP), (UPDATE,), (REPORT,), (HEALTH,)):
            times = [each for kind in kinds for each in self.times[kind]]
            words += [str(len(times)), *(f"{percentile(times, at):.0f}" for at in (0.5, 0.99))]
        words += [str(self.refused[CREATE]), str(self.refused[CALLBACK] + self.refused[MARKUP])]
        return " ".join(f"{word:>6}" for word in [*words, str(self.failed.total())])


HEADS: tuple[str, ...] = (
    "creates",
    "p50",
    "p99",
    "callb.",
    "p50",
    "p99",
    "updat.",
    "p50",
    "p99",
    "report",
)
HEADS += ("p50", "p99", "health", "p50", "p99", "ref.cr", "ref.cb", "failed")


class Record:
    """``now``: seconds since the load's begin."""

    def __init__(self, now: Callable[[], float], width: float) -> None:
        self.buckets = defaultdict[int, Bucket](Bucket)
        self.width = width
        self._now = now
        self._causes = dict[Cause, float]()
        self._early = dict[Cause, float]()
        """Messages that came before the answer that names their call."""

    def answered(self, kind: str, due: float, answer: Answer) -> None:
        bucket = self._at(due)
        if answer.status == REFUSED:
            bucket.refused[kind] += 1
        elif 200 <= answer.status < 300:
            bucket.times[kind].append(answer.seconds)
        else:
            bucket.failed[kind] += 1

    def caused(self, cause: Cause, at: float) -> None:
        """A request is sent whose message will come, or has come."""
        if (came := self._early.pop(cause, None)) is not None:
            self._at(at).times[_kind(cause)].append(came - at)
        else:
            self._causes[cause] = at

    def cancelled(self, cause: Cause) -> None:
        """The request was not accepted, so its message does not come."""
        self._causes.pop(cause, None)

    def delivered(self, body: bytes) -> None:
        message = json.loads(body)["message"]
        cause = message["call"]["id"], message.get("status", message["type"])
        at = self._causes.pop(cause, None)
        if at is None:
            self._early[cause] = self._now()
        else:
            self._at(at).times[_kind(cause)].append(self._now() - at)

    def end_bucket(self, number: int, cpu: float) -> None:
        """The bucket ends now. Answers to its requests may still come."""
        bucket = self.buckets[number]
        bucket.waiting, bucket.cpu = len(self._causes), cpu

    @property
    def waiting(self) -> int:
        return len(self._causes)

    def whole(self) -> Bucket:
        whole = Bucket()
        for number in sorted(self.buckets):
            whole.add(self.buckets[number])
        return whole

    def rows(self) -> Iterator[str]:
        yield f"{'second':>7} {'core':>5} {'await':>6} " + " ".join(f"{h:>6}" for h in HEADS)
        for number in sorted(self.buckets):
            bucket = self.buckets[number]
            share = bucket.cpu / self.width
            yield f"{number * self.width:>7.0f} {share:>5.0%} {bucket.row()}"

    def _at(self, at: float) -> Bucket:
        return self.buckets[int(at // self.width)]


def _kind(cause: Cause) -> str:
    return REPORT if cause[1] == REPORT else UPDATE
