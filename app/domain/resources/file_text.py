"""The text of an uploaded file, by the end of its name. Pure."""

from __future__ import annotations

import html
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser

MAX_TEXT = 4_000_000
"""Bytes of a document within its archive, and characters of a text that is written out."""
PARAGRAPH = re.compile(r"</w:p>")
WORDS = re.compile(r"<w:t(?: [^<>]*)?>([^<]*)</w:t>")
SECONDS = 1.0
"""Of the processor, for a page. Python's parser takes minutes for one whose tags do not end."""


class Unreadable(Exception):
    """The reason, as the end of a sentence, why a file has no text."""


class _Html(HTMLParser):
    """Collects what a page shows."""

    HIDDEN = frozenset({"script", "style", "template"})
    BLOCKS = frozenset({"p", "div", "li", "br", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "td"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0
        self._until = time.thread_time() + SECONDS

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self.HIDDEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if time.thread_time() > self._until:  # a tag that does not end comes here, too
            raise Unreadable("takes too long to read")
        if not self._hidden:
            self.parts.append(data)


def text_of_file(name: str, data: bytes) -> str:
    """The text of a file of a type in ``READERS``. Raises ``Unreadable``."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    reader = READERS.get(ending)
    if reader is None:
        raise Unreadable(f"has a type that is not read here: send one of {', '.join(READERS)}")
    text = reader(data).replace("\0", "")
    if not text.strip():
        raise Unreadable("has no text")
    return text


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8") from None


def _json(data: bytes) -> str:
    try:
        given = json.loads(_plain(data))
        return _bounded(json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(given))
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON") from None


def _bounded(parts: Iterable[str]) -> str:
    """The text of all parts. Indented lists in lists are many times as long as they were."""
    text, room = list[str](), MAX_TEXT
    for part in parts:
        room -= len(part)
        if room < 0:
            raise Unreadable("has too long a text")
        text.append(part)
    return "".join(text)


def _html(data: bytes) -> str:
    page = _Html()
    page.feed(_plain(data))
    page.close()
    return "".join(page.parts)


def _docx(data: bytes) -> str:
    """Word's document is an archive with one file of text."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)).open("word/document.xml") as file:
            markup = file.read(MAX_TEXT + 1)
    except (zipfile.BadZipFile, KeyError, RuntimeError, OSError, NotImplementedError):
        # zipfile's: RuntimeError of an encrypted file, NotImplementedError of a strange compression
        raise Unreadable("is no document of Word") from None
    if len(markup) > MAX_TEXT:
        raise Unreadable("has too long a text")
    paragraphs = PARAGRAPH.split(markup.decode(errors="replace"))
    return "\n".join(html.unescape("".join(WORDS.findall(each))) for each in paragraphs)


READERS: Mapping[str, Callable[[bytes], str]] = {
    "txt": _plain,
    "md": _plain,
    "csv": _plain,
    "tsv": _plain,
    "json": _json,
    "html": _html,
    "htm": _html,
    "docx": _docx,
}
"""End of a name -> what reads the text."""
