"""Builds the pipecat service of an assistant's ``model``.

The services import pipecat, so they are imported when one is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, TypeAlias

from app.net.types import Addresses
from app.vendors import registry
from app.vendors.common.account import VendorAccounts
from app.vendors.common.errors import deny_all
from app.vendors.common.llm_spec import Spec, read_spec
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from pipecat.services.llm_service import LLMService

    MakeModel: TypeAlias = Callable[[Spec], LLMService[Any]]


def make_model(
    config: Config,
    accounts: VendorAccounts,
    facts: JsonObject | None = None,
    addresses: Addresses = deny_all,
) -> LLMService[Any]:
    """Build the service of an assistant's ``model``. Raises only ``UnbuildableAssistant``.

    ``addresses``: the rule for a client's servers; without it all of them are refused. ``facts``:
    the fields that the assistant's own server may get (``metadata``, ``call``, ``phoneNumber``,
    ``customer``), as ``metadataSendMode`` says. The service closes its connections when its
    pipeline is cleaned up; ``run_inference`` works until then.
    """
    spec = read_spec(config, accounts, facts or {})
    if spec.foreign:
        spec = replace(spec, addresses=addresses)
    make: MakeModel = resolve_name(registry.llm_parts()[spec.provider].make)
    return make(spec)
