"""Docstrings, comments and pages use the field's words, in short sentences.

``docs/glossary.md`` has the words.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# Folders whose docstrings and comments are checked.
ROOMS = ("app", "bench", "conformance", "providers")

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


class Banned(NamedTuple):
    """A word that is not used for one of our things."""

    word: str
    instead: str
    why: str


BANNED = (
    Banned(r"somebody|someone else|nobody", "the person or the part itself", "hides who acts"),
    Banned(r"whoever|whomever|whosever", "the noun", "hides who acts"),
    Banned(r"what is no", "what is not a", "reads like a riddle"),
    Banned(r"the told|what is told|told of", "sent, stored, reported", "5 meanings"),
    Banned(r"seats?", "slot; claimed stream", "3 meanings"),
    Banned(r"(?:a|the|its|our|their) desk|desk's", "call context", "a private metaphor"),
    Banned(r"ears?|mouth", "transcriber, input or output transport", "pipecat's words"),
    Banned(r"deaf", "muted", "a private metaphor"),
    Banned(r"errands?", "request, job", "a private metaphor"),
    Banned(r"put back|puts back|put through again", "reattach", "the one word for it"),
    Banned(r"let go|lets go of", "disconnect, release", "4 meanings"),
    Banned(r"owes?|owed", "is pending", "a private metaphor"),
    Banned(r"confess(?:es|ed)?", "store the failure", "a private metaphor"),
    Banned(r"heirs?|relieved", "the process that takes over", "a private metaphor"),
    Banned(r"obeys?|obeyed|obedient", "execute", "a private metaphor"),
    Banned(r"couriers?", "fault injector", "a private metaphor"),
    Banned(r"taping|taped", "recording", "the field's word"),
    Banned(r"the media engine|the engine", "pipecat, the database, the job runner", "4 meanings"),
    Banned(r"what now", "the next instruction or document", "reads like a riddle"),
    Banned(r"of the era|the era's", "legacy", "hides the date"),
    Banned(r"last straw", "the budget is spent", "a metaphor"),
    Banned(r"let in", "accepted", "a metaphor"),
    Banned(r"may be had|can be had|to be had", "is available, is the limit", "reads like a riddle"),
    Banned(r"an? \w+ that there is not", "that does not exist", "reads like a riddle"),
)

# Comments for a tool, and rules between parts of a file.
DIRECTIVE = re.compile(r"# ?(?:noqa|type: ignore|-{2,})")

LONGEST = 20


class Text(NamedTuple):
    """A docstring or a comment, and its line."""

    line: int
    text: str


def _files() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def _docstrings(source: str) -> Iterator[Text]:
    """Every string that stands alone as a statement: docstrings, and those of attributes."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield Text(node.lineno, node.value.value)


def _comments(source: str) -> Iterator[Text]:
    """Every comment. One of several lines is one text, and a directive to a tool is none."""
    lines: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            own_line = token.line.lstrip().startswith("#")
            if lines and not (own_line and token.start[0] == last + 1):
                yield Text(last, "\n".join(lines))
                lines = []
            lines.append(token.string.lstrip("#").strip())
            last = token.start[0]
    if lines:
        yield Text(last, "\n".join(lines))


@cache  # two tests read them, and Python's tokenizer takes seconds for all
def _texts() -> list[tuple[Path, Text]]:
    """Every docstring and comment."""
    return [
        (path, text)
        for path in _files()
        for source in [path.read_text()]
        for text in (*_docstrings(source), *_comments(source))
    ]


ANY_BANNED = re.compile(rf"\b(?:{'|'.join(each.word for each in BANNED)})\b", re.IGNORECASE)


def _found(text: str) -> tuple[str, Banned] | None:
    """The first banned word in a text, if any. Code in backticks does not count."""
    plain = re.sub(r"``[^`]*``|`[^`]*`|https?://\S+", " ", text)
    if match := ANY_BANNED.search(plain):
        return match[0], next(
            each for each in BANNED if re.fullmatch(each.word, match[0], re.IGNORECASE)
        )
    return None


def _sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence. A blank line and a list item end one too."""
    plain = re.sub(r"``[^`]*``", "name", text)
    plain = re.sub(r"\(?https?://\S+", ".", plain)
    for part in re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*] ", plain):
        if words := re.findall(r"[\w'+/.-]*\w[\w'+/.-]*", part):
            yield words


def test_docstrings_and_comments_have_no_banned_word() -> None:
    for path, (line, text) in _texts():
        if found := _found(text):
            raise AssertionError(f"{path}:{line}: {found[0]!r}: write {found[1].instead}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_no_banned_word(page: Path) -> None:
    text = page.read_text()
    if page.name == "CHANGELOG.md":  # the entries of released versions stay as they are
        text = text.partition("## [Unreleased]")[2].partition("\n## ")[0]
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    if found := _found(prose):
        raise AssertionError(f"{page.name}: {found[0]!r}: write {found[1].instead}")


def test_sentences_stay_short() -> None:
    """No sentence has more than ``LONGEST`` words."""
    long = [
        f"{path.relative_to(ROOT)}:{line}: {' '.join(words)}"
        for path, (line, text) in _texts()
        for words in _sentences(text)
        if len(words) > LONGEST
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Nobody asks.", "Nobody"),
        ("Let the caller in; a seat is free.", "seat"),
        ("The ``seat`` of before.", None),  # a name in code
        ("Years and hearts, appeared.", None),  # parts of longer words
    ],
)
def test_a_banned_word_is_found(text: str, word: str | None) -> None:
    found = _found(text)
    assert (found and found[0]) == word


def test_sentences_are_counted_in_words() -> None:
    text = "One two ``a b c`` four. Five\nsix: seven\n\n- eight https://example.com/a.b nine"
    assert [len(words) for words in _sentences(text)] == [4, 3, 1, 1]
