"""A page with the results: what was said, what failed, and the calls to listen to.

It loads nothing from elsewhere, and each recording is a file beside it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from app.cli.scenarios.play import messages, slug
from app.cli.scenarios.results import Outcome, Verdict
from providers.common.json_types import JsonObject

PAGE = "index.html"
SPEAKERS = {"user": "Caller", "bot": "Assistant"}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color-scheme: light dark; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
.passed { color: #18794e; } .failed { color: #c33; } .skipped { color: #96690b; }
.failures li { color: #c33; } audio { width: 100%; } td { padding: .1rem 1rem .1rem 0;
  vertical-align: top; } pre { overflow-x: auto; font-size: .8rem; }
"""


def write(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """Write the page and the recordings. Returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    parts = [part for outcome in outcomes for part in _scenario(outcome, folder)]
    counts = Counter(each.verdict for each in outcomes)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    page.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>patchbay test: {told}</title><style>{STYLE}</style>"
        f"<h1>patchbay test: {told}</h1>{''.join(parts)}</html>\n"
    )
    return page


def _scenario(outcome: Outcome, folder: Path) -> Iterator[str]:
    verdict, name = outcome.verdict, escape(outcome.name)
    yield f'<section id="{slug(outcome.name)}"><h2>{name} '
    yield f'<span class="{verdict}">{verdict}</span></h2>'
    yield from _list(outcome)
    played = outcome.played
    if played is not None:
        yield from _sound(outcome, folder)
        yield from _talk(played.call)
        yield from _facts(outcome)
        lines = escape("\n".join(played.timeline))
        yield f"<details><summary>Timeline</summary><pre>{lines}</pre></details>"
    yield "</section>"


def _list(outcome: Outcome) -> Iterator[str]:
    lines = outcome.lines()
    if lines:
        items = "".join(f"<li>{escape(each)}</li>" for each in lines)
        yield f'<ul class="failures">{items}</ul>'


def _sound(outcome: Outcome, folder: Path) -> Iterator[str]:
    """The call as the phone had it: the caller left, the assistant right."""
    played = outcome.played
    if played is None or not played.tape.rate:
        return
    file = folder / f"{slug(outcome.name)}.wav"
    played.tape.write(file)
    yield f'<audio controls preload="none" src="{file.name}"></audio>'


def _talk(call: JsonObject) -> Iterator[str]:
    yield "<table>"
    for message in messages(call):
        role = str(message.get("role"))
        if role in SPEAKERS:
            cut = " …" if message.get("interrupted") else ""
            said = f"{escape(str(message.get('message', '')))}{cut}"
            yield f"<tr><td>{SPEAKERS[role]}</td><td>{said}</td></tr>"
        for tool in message.get("toolCalls") or ():
            told = escape(json.dumps(tool.get("function", tool)))
            yield f"<tr><td>Tool call</td><td><code>{told}</code></td></tr>"
    yield "</table>"


def _facts(outcome: Outcome) -> Iterator[str]:
    call = outcome.played.call if outcome.played else {}
    told = [f"endedReason {call.get('endedReason')}", f"cost {call.get('cost') or 0:g} USD"]
    if latencies := outcome.findings.latencies:
        heard = ", ".join(f"{each:.0f}" for each in latencies)
        told.append(f"answers heard after {heard} ms")
    yield f"<p>{escape('; '.join(told))}</p>"
