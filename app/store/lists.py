"""Short lists of values in a prepared statement, whose number of parameters is fixed."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

# Values that one list has at most.
MOST = 48
# Fills the rest of a list. No id and no host is a space.
_NONE = " "


def any_of(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Whether the column has one of the list's values."""
    return column.in_([sa.bindparam(f"{name}_{number}", type_=sa.String) for number in range(MOST)])


def values_of(name: str, values: Collection[str]) -> dict[str, str]:
    """The parameters of ``any_of`` for these values, at most ``MOST``."""
    if len(values) > MOST:
        raise ValueError(f"{len(values)} values, and at most {MOST} are possible")
    return {
        f"{name}_{number}": value
        for number, value in enumerate([*values, *[_NONE] * (MOST - len(values))])
    }
