"""The service that speaks to the vendor of an assistant's ``model``.

All vendors but Anthropic speak OpenAI's chat completions, so they are one class and a table.
The services import the media engine: they are imported when one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.net.types import Addresses
from app.vendors.common.account import VendorAccounts
from app.vendors.common.errors import deny_all
from app.vendors.common.llm_spec import read_spec

if TYPE_CHECKING:
    from pipecat.services.llm_service import LLMService


def make_model(
    config: Mapping[str, Any],
    accounts: VendorAccounts,
    facts: Mapping[str, Any] | None = None,
    addresses: Addresses = deny_all,
) -> LLMService[Any]:
    """The service of an assistant's ``model``. Raises ``UnbuildableAssistant``, and nothing else.

    ``addresses``: the rule for servers that a client chose; without it none of them is asked.

    ``facts``: what a custom-llm server may be told (``metadata``, ``call``, ``phoneNumber``,
    ``customer``), as ``metadataSendMode`` says. The service closes its connections when its
    pipeline is cleaned up; ``run_inference`` works until then.
    """
    spec = read_spec(config, accounts, facts or {})
    if spec.foreign:
        spec = replace(spec, addresses=addresses)
    if spec.provider == "anthropic":
        from app.vendors.anthropic.llm import Anthropic

        return Anthropic(spec)
    from app.vendors.openai.llm import make_chat

    return make_chat(spec)
