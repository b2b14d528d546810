"""Whether a supervisor has the call. All assistants of the call share one of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Hold:
    """``held``: the assistant says nothing, and its model is asked nothing."""

    held: bool = False
