"""In how many ways a regular expression may match one text: what its search may cost. Pure.

Python's ``re`` tries one way after the other. A repeat has one way where what it repeats
and what follows it begin with different characters: ``\\d+\\s*x``. Where that is not clear, all count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations, takewhile
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sre_constants as codes
else:
    from re import _constants as codes

MANY = 20
"""More repeats than this count as unbounded."""
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
FOREIGN = frozenset("\u00e4\u0663\u00a0\u2014")
"""A letter, a digit, a space and a sign beyond ASCII: they stand for all such."""
ANY = frozenset(map(chr, range(128))) | FOREIGN
CATEGORIES = {
    code: frozenset(re.findall(text, "".join(ANY)))
    for code, text in (
        (codes.CATEGORY_DIGIT, r"\d"),
        (codes.CATEGORY_NOT_DIGIT, r"\D"),
        (codes.CATEGORY_SPACE, r"\s"),
        (codes.CATEGORY_NOT_SPACE, r"\S"),
        (codes.CATEGORY_WORD, r"\w"),
        (codes.CATEGORY_NOT_WORD, r"\W"),
    )
}
Characters = frozenset[str]
NONE: Characters = frozenset()
ENDS = {codes.AT_END: frozenset("\n"), codes.AT_END_STRING: NONE}
"""``$`` and ``\\Z``: what may stand behind them."""
MOST = 10**9


class Ways(NamedTuple):
    """``repeats``: of any length, each as many ways as the text is long. ``choices``: other ways."""

    repeats: int = 0
    choices: int = 1


TOO_MANY = Ways(MOST, MOST)


def ways(parsed: Any, after: Characters = NONE) -> Ways:
    """The ways of a sequence. ``after``: what may follow it; the end of all ends the search."""
    found = Ways()
    for code, value in reversed(list(parsed)):
        more = _ways_of(code, value, after)
        found = Ways(found.repeats + more.repeats, min(MOST, found.choices * more.choices))
        after = _first(code, value) | (after if _is_passed(code, value) else NONE)
    return found


def _ways_of(code: Any, value: Any, after: Characters) -> Ways:
    if code in REPEATS:
        least, most, body = value
        return _repeated(least, most, body, after)
    if code is codes.BRANCH:
        return _branched(value[1], after)
    inner = [ways(each, after) for each in _inner(value)]
    return Ways(sum(each.repeats for each in inner), prod(each.choices for each in inner))


def _repeated(least: int, most: int, body: Any, after: Characters) -> Ways:
    again = _begin(body, NONE)
    inner = ways(body, again | after)
    unclear = most > least and bool(again & after or (most > 1 and _may_be_empty(body)))
    if most > MANY:
        return Ways(int(unclear)) if inner == Ways() else TOO_MANY
    own = most - least + 1 if unclear else 1
    return Ways(inner.repeats * most, min(MOST, inner.choices**most * own))


def _branched(parts: Sequence[Any], after: Characters) -> Ways:
    inner = [ways(each, after) for each in parts]
    count = max if all(_differ(*each) for each in combinations(parts, 2)) else sum
    return Ways(max(each.repeats for each in inner), count(each.choices for each in inner))


def _differ(one: Any, other: Any) -> bool:
    """Whether no text matches the beginnings of both."""
    words = _word(one), _word(other)
    if not any(each.startswith(begin) for each, begin in (words, words[::-1])):
        return True
    empty = _may_be_empty(one) or _may_be_empty(other)
    return not empty and not _begin(one, NONE) & _begin(other, NONE)


def _word(parsed: Any) -> str:
    """The letters that a sequence begins with."""
    letters = takewhile(lambda node: node[0] is codes.LITERAL, parsed)
    return "".join(chr(value) for _, value in letters).lower()


def _begin(parsed: Any, after: Characters) -> Characters:
    """What a sequence, and what follows it, may begin with."""
    found = NONE
    for code, value in parsed:
        found |= _first(code, value)
        if not _is_passed(code, value):
            return found
    return found | after


def _first(code: Any, value: Any) -> Characters:
    if code in REPEATS:
        return _begin(value[2], NONE)
    if code is codes.BRANCH:
        return reduce(frozenset.union, (_begin(each, NONE) for each in value[1]), NONE)
    if code in (codes.SUBPATTERN, codes.ATOMIC_GROUP):
        return reduce(frozenset.union, (_begin(each, NONE) for each in _inner(value)), NONE)
    if code is codes.LITERAL:
        return _both_cases(_literal(value))
    if code is codes.IN:
        return _set(value)
    if code is codes.AT and value in ENDS:
        return ENDS[value]
    return ANY  # a point, a boundary, a look-around, a group again


def _is_passed(code: Any, value: Any) -> bool:
    """Whether this may match nothing. What looks only decides here and now."""
    if code in REPEATS:
        return value[0] == 0 or _may_be_empty(value[2])
    if code is codes.BRANCH:
        return any(_may_be_empty(each) for each in value[1])
    if code in (codes.SUBPATTERN, codes.ATOMIC_GROUP):
        return all(_may_be_empty(each) for each in _inner(value))
    return False


def _may_be_empty(parsed: Any) -> bool:
    return bool(parsed.getwidth()[0] == 0)


def _set(items: Sequence[Any]) -> Characters:
    """``[a-z]``: the characters that may match it."""
    certain, others = NONE, NONE
    for code, value in items:
        if code is codes.CATEGORY:
            certain |= CATEGORIES[value]
        elif code is codes.RANGE:
            certain |= {each for each in ANY - FOREIGN if value[0] <= ord(each) <= value[1]}
            others |= FOREIGN if value[1] > 127 else NONE
        elif code is codes.LITERAL:
            certain, others = certain | _ascii(value), others | _literal(value)
    if items and items[0][0] is codes.NEGATE:
        return ANY - certain
    return _both_cases(certain | others)


def _ascii(value: int) -> Characters:
    return frozenset(chr(value)) if value < 128 else NONE


def _literal(value: int) -> Characters:
    return _ascii(value) or FOREIGN


def _both_cases(given: Characters) -> Characters:
    """Whether case counts is not asked."""
    return given | {each.swapcase() for each in given if each.isascii()}


def _inner(value: Any) -> Iterator[Any]:
    """The expressions within a group, a look-around or a condition."""
    parts = value if isinstance(value, tuple | list) else [value]
    yield from (each for each in parts if hasattr(each, "getwidth"))
