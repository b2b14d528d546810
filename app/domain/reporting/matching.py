"""Regular expressions and JSON Schemas of clients, judged within a time.

Python cannot stop a match, and none of the process's calls would go on meanwhile. So a program of
its own does it, for the few outputs that a call has after its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from providers.common.json_types import JsonObject

WORKER = Path(__file__).with_name("match_worker.py")
SECONDS = 5.0


class NoMatch(Exception):
    """The reason, a sentence, why there is no value."""


def find(pattern: str, text: str, kind: str) -> Any:
    """The match as a value of the schema's ``type``; None: there is none. Raises ``NoMatch``."""
    return _asked({"pattern": pattern, "text": text, "kind": kind}).get("value")


def check(schema: JsonObject, value: Any) -> None:
    """Raises ``NoMatch`` for a value that is not as the schema says."""
    problem = _asked({"schema": schema, "value": value}).get("problem")
    if problem:
        raise NoMatch(problem)


def _asked(question: JsonObject) -> JsonObject:
    command = [sys.executable, "-I", str(WORKER)]
    text = json.dumps(question).encode()
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=SECONDS, check=True)
        answer: JsonObject = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise NoMatch(f"the match took longer than {SECONDS:g} s") from None
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        raise NoMatch(f"the match failed: {type(error).__name__}") from None
    if "error" in answer:
        raise NoMatch(str(answer["error"]))
    return answer
