"""All rows, in the order of the table."""

from __future__ import annotations

from patchbay_conformance.checks import (
    create,
    ended,
    errors,
    forgeries,
    inbound,
    killed,
    messages,
    orders,
    read,
    statuses,
    talk,
)
from patchbay_conformance.row import Row

ROWS: tuple[Row, ...] = (
    *create.ROWS,
    *read.ROWS,
    *errors.ROWS,
    *statuses.ROWS,
    *inbound.ROWS,
    *ended.ROWS,
    *talk.ROWS,
    *orders.ROWS,
    *forgeries.ROWS,
    *messages.ROWS,
    *killed.ROWS,
)
