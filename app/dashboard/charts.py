"""Bars as SVG. Colours come from the style sheet by class, so that they follow the dark mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 160.0
GAP = 0.15
"""Of a bar's place."""


@dataclass(frozen=True, slots=True)
class Part:
    """One rectangle."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart. ``top`` is the value of its upper edge."""

    parts: list[Part]
    top: float
    first: str = ""
    last: str = ""
    """Labels of the first and of the last bar."""
    width: float = WIDTH
    height: float = HEIGHT


def bars(columns: Sequence[tuple[str, Mapping[str, float]]]) -> Bars:
    """Stacked bars of (label, amounts by kind), each kind upon the one before."""
    top = max((sum(amounts.values()) for _, amounts in columns), default=0) or 1
    place = WIDTH / max(1, len(columns))
    parts: list[Part] = []
    for number, (label, amounts) in enumerate(columns):
        y = HEIGHT
        for kind, amount in amounts.items():
            height = HEIGHT * amount / top
            y -= height
            if amount:
                x, width = number * place + place * GAP / 2, place * (1 - GAP)
                title = f"{label}: {kind} {amount:g}"
                sides = [round(side, 2) for side in (x, y, width, height)]
                parts.append(Part(kind, sides[0], sides[1], sides[2], sides[3], title))
    labels = [label for label, _ in columns] or [""]
    return Bars(parts, round(top, 4), labels[0], labels[-1])
