"""A line of the log that tells at most once a minute how often each thing happened.

What strangers cause may happen thousands of times a second, and must not fill the log.
"""

from __future__ import annotations

import logging
from collections import Counter

PAUSE = 60.0
"""Seconds between two lines."""
WORDS = 100
"""Different words that one line may count."""


class OnceAMinute:
    """Counts words. ``template`` has one ``%s``, for the counted words."""

    def __init__(self, log: logging.Logger, template: str) -> None:
        self._log = log
        self._template = template
        self._counted = Counter[str]()
        self._told = float("-inf")

    def add(self, word: str) -> None:
        if word in self._counted or len(self._counted) < WORDS:
            self._counted[word] += 1

    def tell(self, now: float, more: str = "") -> bool:
        """Write the line if something happened and the last line is a minute old."""
        if not self._counted or now - self._told < PAUSE:
            return False
        words = ", ".join(f"{count} {word}" for word, count in self._counted.most_common())
        self._log.warning(self._template, words + more)
        self._counted.clear()
        self._told = now
        return True
