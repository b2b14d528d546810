"""A row of the table: one claim about the server, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from patchbay_conformance.target import CARRIERS
from patchbay_conformance.verdict import Outcome
from patchbay_conformance.world import World


class Phase(IntEnum):
    """When a row is asked: beside the others, alone, or once all calls are over."""

    TOGETHER = 0
    ALONE = 1
    LAST = 2


@dataclass(frozen=True)
class Row:
    """``says``: what Vapi's page or the carrier's says. ``asked``: the requests that show it."""

    id: str
    says: str
    asked: str
    check: Callable[[World], None]
    phase: Phase = Phase.TOGETHER


@dataclass(frozen=True)
class Result:
    """A row with its outcome. ``reason``: why it failed, or why it was not asked."""

    row: Row
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0


def for_carriers(
    id: str,
    says: str,
    asked: str,
    check: Callable[[World, str], None],
    carriers: tuple[str, ...] = CARRIERS,
) -> list[Row]:
    """The same row for each carrier; ``check`` gets the carrier's name."""

    def bound(carrier: str) -> Callable[[World], None]:
        return lambda world: check(world, carrier)

    return [Row(f"{id}.{carrier}", says, asked, bound(carrier)) for carrier in carriers]
