"""The demo with speech: Whisper hears, Piper speaks, and a model of this machine thinks.

It is played where ``patchbay[local]`` is installed. Without a model server a script answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import urllib3

from app.cli.demo_model import NAME, scripted_model
from app.vendors import registry, stt, tts
from app.vendors.common.account import MODELS_DIR, VendorAccount
from app.vendors.piper import models, speaking
from providers.common.json_types import JsonDict

TRANSCRIBER, VOICE, MODEL = (
    registry.LOCAL_TRANSCRIBER,
    registry.LOCAL_VOICE,
    registry.LOCAL_MODEL,
)
BASE_URL = registry.VENDORS[MODEL].url_variable
# Of Ollama. https://docs.ollama.com/api/openai-compatibility
USUAL_ADDRESS = "http://localhost:11434/v1"
# How the caller differs from the assistant, where there is one voice: by a higher pitch.
PITCH = 1.15
# Seconds until a model server of this machine has told its models.
ASK_SECONDS = 1.0
HELLO = "Hello, this is the demo. How can I help you?"
PROMPT = (
    "You answer the phone of a shop, which is open from nine to five, Monday to Friday. Answer in"
    " one short sentence, without lists. When the caller says goodbye, say: Thank you. Goodbye."
)
DESCRIPTION = "The caller asks, interrupts the assistant, and says goodbye; a model answers."
# What the callers say, one after the other; ``+`` interrupts.
TURNS = ("What are your opening hours, please?", "+Are you open on Saturday?", "Thanks, goodbye.")


@dataclass(frozen=True, slots=True)
class Talk:
    """``environment``: for the bridge. ``told``: what is printed of it."""

    environment: Mapping[str, str]
    assistant: JsonDict
    told: str


def lacks(environ: Mapping[str, str]) -> str | None:
    """Why there is no speech on this machine, for the operator; None: there is."""
    accounts = _accounts(environ)
    hears = stt.problem({"provider": TRANSCRIBER}, accounts)
    return hears or tts.problem({"provider": VOICE}, accounts)


@contextmanager
def talk(environ: Mapping[str, str]) -> Iterator[Talk]:
    """The assistant, with the model server of this machine or with a script."""
    address = environ.get(BASE_URL, "").strip() or USUAL_ADDRESS
    if model := _first_model(address):
        yield _talk(address, model, f"{model}, from {address}")
        return
    with scripted_model() as url:
        yield _talk(url, NAME, f"a script in this program, because no model answers at {address}")


async def caller(text: str, rate: int) -> bytes:
    """The caller's words as 16-bit mono PCM. Raises ``MissingModel``, ``SpeakingFailed``."""
    own = models.choose({}, _accounts(os.environ).get(VOICE, VendorAccount()))
    higher = replace(own, rate=round(own.rate * PITCH))
    return b"".join([pcm async for pcm in speaking.speak(text, higher, rate, 1 / PITCH)])


def _talk(url: str, model: str, told: str) -> Talk:
    assistant = {
        "name": "demo with speech",
        "firstMessage": HELLO,
        "model": {
            "provider": MODEL,
            "model": model,
            "messages": [{"role": "system", "content": PROMPT}],
        },
        "voice": {"provider": VOICE},
        "transcriber": {"provider": TRANSCRIBER},
        "endCallPhrases": ["goodbye"],
    }
    heard = f"hears {TRANSCRIBER}, speaks {VOICE}, thinks {told}"
    return Talk({BASE_URL: url}, assistant, heard)


def _accounts(environ: Mapping[str, str]) -> dict[str, VendorAccount]:
    folder = environ.get("LOCAL_MODELS_DIR", "").strip()
    account = VendorAccount(extra={MODELS_DIR: folder} if folder else {})
    return {TRANSCRIBER: account, VOICE: account}


def _first_model(address: str) -> str | None:
    """The first model of an OpenAI-compatible server; None: there is none."""
    try:
        answer = urllib3.request("GET", f"{address}/models", timeout=ASK_SECONDS, retries=False)
        found: Sequence[JsonDict] = json.loads(answer.data)["data"]
        return str(found[0]["id"])
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, TypeError):
        return None
