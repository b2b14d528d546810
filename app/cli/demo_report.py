"""What the demo prints, as text. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from xml.dom import minidom

from providers.common.json_types import JsonObject
from providers.simulation.timeline import speaker

# Width of a rule.
WIDTH = 88
# Width of a message's summary.
STATE = 34
# Whose lines of a timeline tell the call; the other lines are requests and documents.
TOLD = frozenset({"caller", "media", "bridge", "problem", "result"})


def rule(title: str) -> str:
    return f"\n== {title} ".ljust(WIDTH, "=")


def told(out: Callable[[str], object]) -> Callable[[str], object]:
    """Print only the lines of a timeline that tell the call."""

    def print_line(line: str) -> None:
        if speaker(line) in TOLD:
            out(line)

    return print_line


def counted(messages: Sequence[JsonObject]) -> Iterator[str]:
    """One line for each state of the server messages."""
    states = dict.fromkeys(message["state"] for message in messages)
    for state in states:
        types = Counter(each["type"] for each in messages if each["state"] == state)
        listed = ", ".join(f"{number} {kind}" for kind, number in types.items())
        yield f"server messages {state}: {listed}"


def of_messages(messages: Sequence[JsonObject]) -> Iterator[str]:
    """One line for each message, with its attempts."""
    yield rule("server messages")
    for message in messages:
        body = message["body"]["message"]
        facts = (body.get(name) for name in ("role", "status", "endedReason", "transcript"))
        state = " ".join(filter(None, facts))[:STATE]
        tries = ", ".join(f"{a['statusCode']} in {a['durationMs']} ms" for a in message["attempts"])
        yield f"{message['type']:<20} {state:<{STATE}} {message['state']} ({tries})"


def pretty(document: str) -> str:
    """Indent TwiML or NCCO."""
    if document.lstrip().startswith("<"):
        # Our own document, not a client's.
        return minidom.parseString(document).toprettyxml(indent="  ").strip()  # noqa: S318
    return json.dumps(json.loads(document), indent=2)
