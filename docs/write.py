"""``make docs``: the pages under docs/ that are written from the code.

A test compares them with what stands there, so that they cannot go stale.
"""

from __future__ import annotations

import ast
import inspect
import json
from enum import StrEnum
from pathlib import Path

from docs import compatibility, ended_reasons, reliability
from providers.events import LATER_REASONS, CallStatus, EndedReason, EventKind
from providers.twilio.studio import flow

EXAMPLE_HOST = "https://bridge.example.com"
NOTICE = "<!-- Written by `make docs`; change `providers/events.py` or `docs/ended_reasons.py` instead. -->"


def pages() -> dict[str, str]:
    """File name under docs/ -> its text."""
    return {
        "compatibility.md": compatibility.page(),
        "ended-reasons.md": _vocabulary(),
        "reliability.md": reliability.page(),
        "studio-flow.json": json.dumps(flow(EXAMPLE_HOST, "ASSISTANT_ID"), indent=2) + "\n",
    }


def sentences(enumeration: type[StrEnum]) -> dict[str, str]:
    """The sentence below each member, by the member's value."""
    tree = ast.parse(inspect.getsource(enumeration)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for member, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            name = member.targets[0]
            assert isinstance(name, ast.Name)
            assert isinstance(text.value, ast.Constant)
            found[enumeration[name.id].value] = str(text.value.value)
    return found


def _older(reason: EndedReason | None) -> str:
    return f"`{reason}`" if reason else "the carrier's “failed to connect”"


def _vocabulary() -> str:
    return "\n".join(
        [
            NOTICE,
            "# Statuses, ended reasons, events",
            "",
            "The words of Vapi's “Create Phone Call” page, and five of its newer pages, which those 56 reasons lack.",
            "With `ENDED_REASONS=seed` each of them becomes one of the 56:",
            "",
            *(f"- `{reason}`: {_older(older)}" for reason, older in LATER_REASONS.items()),
            "",
            "[Architecture](architecture.md) says which evidence decides.",
            "",
            *_table("Status", CallStatus),
            *_reasons(),
            *_table("Event (GET /call/{id}/events)", EventKind),
        ]
    )


def _reasons() -> list[str]:
    """A test is named for each: by its file and name, a scenario's in brackets."""
    rows = ended_reasons.rows(sentences(EndedReason))
    head = ["| value | meaning | produced when | shown by |", "| --- | --- | --- | --- |"]
    return ["## endedReason", "", *head, *rows, ""]


def _table(title: str, enumeration: type[StrEnum]) -> list[str]:
    rows = [f"| `{value}` | {text} |" for value, text in sentences(enumeration).items()]
    return [f"## {title}", "", "| value | meaning |", "| --- | --- |", *rows, ""]


def main() -> None:
    directory = Path(__file__).parent
    for name, text in pages().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()
