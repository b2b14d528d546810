"""Whether a model, voice or transcriber can be built with these accounts. No vendor is asked."""

from __future__ import annotations

from app.vendors import similar, stt, tts
from app.vendors.common.account import VendorAccounts
from app.vendors.common.errors import MODEL, TRANSCRIBER, UnbuildableAssistant
from app.vendors.common.llm_spec import read_spec
from app.vendors.common.vendor import Config


def problem(stage: str, config: Config, accounts: VendorAccounts) -> str | None:
    """Why not, for the operator; None: it can, as far as is known without the vendor."""
    try:
        if stage == MODEL:
            read_spec(config, accounts, {})
        elif stage == TRANSCRIBER:
            stt.checked(config, accounts)
        else:
            return tts.problem(config, accounts)
    except UnbuildableAssistant as error:
        return str(error)
    return None


def speaker(config: Config, accounts: VendorAccounts, table: similar.Table) -> str:
    """The vendor that speaks a voice without a problem. ``table``: ``VAPI_VOICES``."""
    return str(tts.choose(config, accounts, None, table)["provider"])
