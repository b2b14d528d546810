"""Keeps what a bench saw, for the table of docs/reliability.md.

Each bench of that page ends with ``conclude``; ``make docs`` then writes the page.
"""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime

from bench.machine import computer
from docs.reliability import FIGURES, ROWS, Figure


def conclude(key: str, seen: str, *more: object, reached: bool, keep: bool) -> int:
    """Print ``seen`` and lines about it, and return the exit status. ``keep``: ``--record`` is set."""
    print(seen, *more, sep="\n", flush=True)
    if keep:
        record(key, seen, reached=reached)
    return 0 if reached else 1


def record(key: str, seen: str, *, reached: bool) -> None:
    """Keep ``seen``, with its totals, as the last figure of the row ``key``.

    Raises ``KeyError`` if the page has no such row.
    """
    ROWS[key]
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[key] = Figure(
        seen=seen,
        reached=reached,
        command=_command(),
        date=datetime.now(UTC).date().isoformat(),
        machine=computer(),
    )._asdict()
    FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n")


def _command() -> str:
    """The command that runs, without the option that only keeps its figure."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    arguments = [each for each in sys.argv[1:] if each != "--record"]
    return shlex.join(["python", "-m", name, *arguments])
