"""What is not over at the end of a load, as ``/metrics`` tells it."""

from __future__ import annotations

import urllib.request
from typing import NamedTuple


class LeftOver(NamedTuple):
    """Nothing of it should be there when all calls have ended."""

    calls: int
    """That are not over."""
    messages: int
    """That are pending or have failed."""


def left_over(port: int) -> LeftOver:
    """Ask the bridge on this port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: str = answer.read().decode()
    calls = messages = 0
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("patchbay_calls{") and '"ended"' not in name:
            calls += int(float(value))
        if name.startswith("patchbay_messages{") and '"delivered"' not in name:
            messages += int(float(value))
    return LeftOver(calls, messages)
