"""The assistants and tools of the documentation are taken without a word about their fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.domain.assistant.field_check import Finding, check_fields, check_tool
from app.domain.assistant.rendering import problems
from app.domain.assistant.served_fields import Fate

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
OF_ASSISTANTS = frozenset({"firstMessage", "hooks", "model", "transcriber", "transport", "voice"})
NO_FILES = "knowledgeBases.0.fileIds"
"""An example leaves out the ids of its files."""


def bodies() -> Iterator[dict[str, Any]]:
    """The JSON objects of all pages."""
    for page in sorted(DOCS.glob("*.md")):
        for text in BLOCK.findall(page.read_text()):
            try:
                found = json.loads(text)
            except ValueError:
                continue  # it is shortened
            if isinstance(found, dict):
                yield found


def told(body: dict[str, Any], findings: list[Finding]) -> list[str]:
    """The sentences about what is wrong in it, or no field."""
    odd = (each for each in findings if each.fate is not Fate.SERVED)
    found = [str(each) for each in odd if each.wrong or each.mistyped]
    return [each for each in (*found, *problems(body)) if NO_FILES not in each]


def test_no_example_is_told_of() -> None:
    seen = 0
    for body in bodies():
        inner = body.get("assistant", body)
        is_assistant = OF_ASSISTANTS & inner.keys() and "assistantId" not in inner
        if is_assistant and isinstance(inner.get("model", {}), dict):
            seen += 1
            assert told(inner, check_fields(inner)) == []
            for tool in inner.get("model", {}).get("tools", []):
                assert told(tool, check_tool(tool)) == []
    assert seen > 5
