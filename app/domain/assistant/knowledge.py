"""Knowledge bases of an assistant and of ``query`` tools, and the words of a question. Pure.

https://docs.vapi.ai/knowledge-base
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of

CUSTOM = "custom-knowledge-base"
"""The provider of a knowledge base that a client's server searches."""
MOST_FILES = 100
"""Files that are searched at once."""
MOST_WORDS = 32
WORD = re.compile(r"[^\W_]+")
ENDINGS = ((8, 2), (5, 1))
"""A word so long loses so many characters, so that its other endings are found."""
CHUNK = 1000
"""The most characters of a chunk."""


def file_ids(bases: Sequence[Json]) -> list[str]:
    """The files of these knowledge bases, each once."""
    return [*dict.fromkeys(id for base in bases for id in texts_of(base, "fileIds"))][:MOST_FILES]


def named_files(body: Json) -> Iterator[str]:
    """Every file that an assistant or a tool names."""
    model = object_of(body, "model")
    for tool in (body, *objects_of(model, "tools"), *objects_of(body, "tools:append")):
        yield from file_ids(objects_of(tool, "knowledgeBases"))
    yield from texts_of(object_of(model, "knowledgeBase"), "fileIds")


def description(bases: Sequence[Json]) -> str:
    """The knowledge bases, for the model: so it knows when to search."""
    told = [f" {text_of(b, 'name')}: {text_of(b, 'description')}".rstrip(": ") for b in bases]
    return "Use this function to search in the knowledge base." + "".join(told)


def beginnings(question: str) -> list[str]:
    """The beginnings of the words to look for, of any language."""
    words = dict.fromkeys(WORD.findall(question.lower()))
    return [*dict.fromkeys(map(_shortened, words))][:MOST_WORDS]


def chunks(text: str) -> list[str]:
    """The text in pieces of whole lines, as far as lines are short enough."""
    pieces: list[str] = []
    for line in text.splitlines():
        for start in range(0, len(line), CHUNK):
            part = line[start : start + CHUNK]
            if pieces and len(pieces[-1]) + len(part) < CHUNK:
                pieces[-1] += f"\n{part}"
            else:
                pieces.append(part)
    return [piece for piece in (each.strip() for each in pieces) if piece]


def _shortened(word: str) -> str:
    cut = next((cut for least, cut in ENDINGS if len(word) >= least), 0)
    return word[: len(word) - cut]
