"""Lines of the log about what strangers cause: a few a minute, however often it happens."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

PAUSE = 60.0
"""Seconds between two lines that count."""
WORDS = 100
"""Different words that one line may count."""
FEW = 10
"""Lines a minute that are written in full."""


class OnceAMinute:
    """Counts words, and tells them at most once a minute. ``template`` has one ``%s`` for them."""

    def __init__(self, log: logging.Logger, template: str) -> None:
        self._log = log
        self._template = template
        self._lock = threading.Lock()
        self._counted = Counter[str]()
        self._told = float("-inf")

    def add(self, word: str) -> None:
        with self._lock:
            if word in self._counted or len(self._counted) < WORDS:
                self._counted[word] += 1

    def tell(self, now: float, more: str = "") -> bool:
        """Write the line if something happened and the last line is a minute old."""
        with self._lock:
            if not self._counted or now - self._told < PAUSE:
                return False
            counted = self._counted.most_common()
            self._counted.clear()
            self._told = now
        self._log.warning(
            self._template, ", ".join(f"{count} {word}" for word, count in counted) + more
        )
        return True


class FewLines:
    """Writes the first lines of a minute in full, and counts those after them."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._since = float("-inf")
        self._lines = 0

    def warning(self, template: str, *values: object) -> None:
        now = time.monotonic()
        with self._lock:
            left_out = 0
            if now - self._since >= PAUSE:
                left_out, self._since, self._lines = max(0, self._lines - FEW), now, 0
            self._lines += 1
            full = self._lines <= FEW
        if left_out:
            self._log.warning("%d more lines like the next were left out", left_out)
        if full:
            self._log.warning(template, *values)
