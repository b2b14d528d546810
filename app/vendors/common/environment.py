"""Which variables name the operator's account at a vendor of models, voices or transcribers.

A name here is Vapi's for the vendor (``provider``). Nothing is read here: ``app/settings.py`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIXES: Mapping[str, str] = {
    "openai": "OPENAI",
    "azure-openai": "AZURE_OPENAI",
    "together-ai": "TOGETHER",
    "anyscale": "ANYSCALE",
    "openrouter": "OPENROUTER",
    "perplexity-ai": "PERPLEXITY",
    "deepinfra": "DEEPINFRA",
    "runpod": "RUNPOD",
    "groq": "GROQ",
    "anthropic": "ANTHROPIC",
    "custom-llm": "CUSTOM_LLM",
    "deepgram": "DEEPGRAM",
    "11labs": "ELEVENLABS",
    "playht": "PLAYHT",
    "lmnt": "LMNT",
    "azure": "AZURE_SPEECH",
    "rime-ai": "RIME",
    "neets": "NEETS",
    "cartesia": "CARTESIA",
    "talkscriber": "TALKSCRIBER",
    "gladia": "GLADIA",
    "assembly-ai": "ASSEMBLYAI",
}
"""As the vendors' own SDKs call them, where they do."""

MORE: Mapping[str, Mapping[str, str]] = {
    "azure-openai": {"apiVersion": "AZURE_OPENAI_API_VERSION"},
    "azure": {"region": "AZURE_SPEECH_REGION"},
    "playht": {"userId": "PLAYHT_USER_ID"},
}
"""What else an account needs: a credential's field -> its variable."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The names of one vendor's variables."""

    key: str
    url: str
    more: Mapping[str, str]


VARIABLES: Mapping[str, Variables] = {
    vendor: Variables(f"{prefix}_API_KEY", f"{prefix}_BASE_URL", MORE.get(vendor, {}))
    for vendor, prefix in PREFIXES.items()
}
