"""Texts of strangers and of models at which a careless search takes minutes.

Every call of the process would wait for it. Each of these took time that grows with the square of
the text, or faster: then the suite's timeout fails the test.
"""

from __future__ import annotations

import asyncio
import io
import zipfile

import pytest

from app.assistants.local.speech_text import ChunkAggregator, formatted
from app.domain.assistant import hooks, outgoing, speech_text
from app.domain.resources.file_text import Unreadable, text_of_file

LONG = 200_000
"""Characters: the API's bodies may have more, and what a model writes has no limit of ours."""


def _spoken(text: str) -> str:
    """What the voice is given of a text, with every formatter."""
    plan = speech_text.parse({"chunkPlan": {"formatPlan": {"enabled": True}}})

    async def transform() -> str:
        return await formatted(plan, "en")(text, "sentence")

    return asyncio.run(transform())


@pytest.mark.parametrize(
    "text", ["1" * LONG, "12" * 60, " " * LONG, "[" * LONG, "a" * LONG, "a." * LONG]
)
def test_a_text_that_nobody_could_say_is_not_written_out(text: str) -> None:
    assert _spoken(text) == text


@pytest.mark.parametrize("text", [f"One.{' ' * (LONG // 2)}", "\n" * (LONG // 2)])
def test_spaces_are_cut_into_no_chunks(text: str) -> None:
    async def cut() -> list[str]:
        aggregator = ChunkAggregator(speech_text.parse({"chunkPlan": {"minCharacters": 5}}))
        return [each.text async for each in aggregator.aggregate(text)]

    assert asyncio.run(cut()) == []


def test_a_line_break_among_many_spaces() -> None:
    assert _spoken(f"One.{' ' * LONG}\n\n \nTwo.") == "One. Two."


def test_the_name_of_a_moment() -> None:
    given = {"on": "a" * LONG, "do": [{"type": "say", "exact": "x"}]}
    (problem,) = hooks.problems({"hooks": [given]})
    assert problem.startswith("hooks.0.on must be one of")


@pytest.mark.parametrize("text", ["{{" * LONG, "{{} " * LONG])
def test_an_address_with_templates_that_do_not_end(text: str) -> None:
    outgoing.check_outgoing({"server": {"url": f"https://{text}"}}, lambda _: None)


def _docx(markup: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", markup)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", _docx("<w:t " * LONG)),
        ("a.html", b"<!--" * 50_000),  # Python's parser looks for the end of each
        ("a.json", b"[" * 900 + b"1," * LONG + b"1" + b"]" * 900),  # indented: 180 MB
    ],
)
def test_a_file(name: str, data: bytes) -> None:
    with pytest.raises(Unreadable):
        text_of_file(name, data)
