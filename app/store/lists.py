"""Short lists of values in a prepared statement, whose number of parameters is fixed.

There is a statement for each of a few sizes: most lists have one value or none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa
from sqlalchemy.sql.elements import ClauseElement

from app.store.prepared import Prepared

# Values that one list has at most.
MOST = 48
SIZES = (0, 1, 8, MOST)
# Fills the rest of a list. No id and no host is a space.
_NONE = " "


def any_of(column: sa.ColumnElement[str], name: str, size: int) -> sa.ColumnElement[bool]:
    """Whether the column has one of the list's values. ``size``: one of ``SIZES``."""
    if not size:
        return sa.false()
    return column.in_([sa.bindparam(f"{name}_{number}", type_=sa.String) for number in range(size)])


def values_of(name: str, values: Collection[str]) -> dict[str, str]:
    """The parameters of ``any_of`` for these values, at most ``MOST``."""
    size = _size(len(values))
    filled = [*values, *[_NONE] * (size - len(values))]
    return {f"{name}_{number}": value for number, value in enumerate(filled)}


def by_size(make: Callable[[int], ClauseElement]) -> Callable[[Collection[str]], Prepared]:
    """The statement for a list of values. ``make`` gets the size, for ``any_of``."""
    made = {size: Prepared(make(size)) for size in SIZES}
    return lambda values: made[_size(len(values))]


def _size(number: int) -> int:
    for size in SIZES:
        if number <= size:
            return size
    raise ValueError(f"{number} values, and at most {MOST} are possible")
