"""What an installation offers for an assistant: vendors of each stage, models, stored tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.assistant.config import EMBEDDED
from app.domain.assistant.fields import Json, object_of, text_of
from app.domain.assistant.voicemail import LISTENERS
from app.domain.context import Context
from app.domain.resources.tools import Tools
from app.store.resources import Window
from app.vendors import buildable, registry
from app.vendors.common.account import VendorAccounts
from app.vendors.common.vendor import Vendor
from providers.base.carrier import phone_carriers
from providers.common.json_types import JsonDict

STAGES = ("model", "voice", "transcriber")
READY, NEEDS_KEY, OTHER = "Ready here", "Needs a key", "Others"
"""Groups of options."""
NOT_HERE = "on this machine, once patchbay[local] is installed"
MOST_TOOLS = 200
OWN_VOICE: JsonDict = {"provider": "vapi", "voiceId": "Elliot"}
"""For a new assistant: the similar voice of a vendor with an account speaks it."""
USUAL = ("openai", "anthropic", "google", "groq", "mistral")
"""Models of a new assistant, by preference."""
PROMPT = "You answer the phone of a small company. Be brief and friendly."
HELLO = "Hello, how can I help you?"
KEYS_HELLO = "Hello. For an explanation, press 1. For a test of the line, press 2."


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a select; ``told`` is what a person reads."""

    value: str
    told: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A stored tool. ``is_missing``: the assistant names it, and it does not exist."""

    id: str
    told: str
    is_missing: bool = False


Grouped = Mapping[str, Sequence[Option]]
"""Title of a group -> its options."""


def providers(stage: str, accounts: VendorAccounts, present: str = "") -> Grouped:
    """The providers of a stage. ``present``: that of the assistant, which is always there."""
    groups: dict[str, list[Option]] = {READY: [], NEEDS_KEY: [], OTHER: []}
    if stage == "model":
        name = str(EMBEDDED["provider"])
        groups[READY].append(Option(name, f"{name} (a keypad menu, no key)"))
    for name, vendor in registry.VENDORS.items():
        if vendor.part(stage):
            group, told = _told(stage, vendor, accounts)
            groups[group].append(Option(name, f"{name} ({told})" if told else name))
    known = {option.value for options in groups.values() for option in options}
    if present and present not in known:
        is_alias = registry.name_of(present) in known
        told = f"another name of {registry.name_of(present)}" if is_alias else "not known here"
        groups[OTHER].append(Option(present, f"{present} ({told})"))
    return {title: options for title, options in groups.items() if options}


def _told(stage: str, vendor: Vendor, accounts: VendorAccounts) -> tuple[str, str]:
    """The group of a vendor, and what is said of it beside its name."""
    part = vendor.part(stage)
    if vendor.program:
        lack = buildable.problem(stage, {"provider": vendor.name}, accounts)
        return (OTHER, NOT_HERE) if lack else (READY, "on this machine")
    if vendor.name in accounts:
        return READY, ""
    if part is not None and getattr(part, "server_in_assistant", False):
        return OTHER, "a server of yours: its address is in the JSON"
    if stage == "voice" and registry.tts_parts()[vendor.name].spoken_by_others:
        return READY, "spoken by a similar voice"
    if vendor.env_prefix is None:
        return READY, "no key"
    if vendor.discontinued:
        return OTHER, vendor.why_discontinued
    return NEEDS_KEY, "needs a key"


def models(context: Context, provider: str) -> list[str]:
    """Names of the provider's models that have a price here, its default first."""
    name = registry.name_of(provider)
    part = registry.llm_parts().get(name)
    default = [part.model] if part and part.model else []
    return list(dict.fromkeys([*default, *context.prices.names("model", name)]))


def detectors(context: Context) -> list[Option]:
    """Who may notice an answering machine."""
    carriers = phone_carriers(context.providers)
    return [
        Option("", "nothing does"),
        *(Option(name, f"the assistant ({name})") for name in sorted(LISTENERS, reverse=True)),
        *(Option(name, f"the carrier, if it is {name}") for name in carriers),
    ]


def tools(context: Context, org_id: str, named: Sequence[str]) -> list[Tool]:
    """The newest stored tools, and those that the assistant names beside them."""
    found = Tools(context).list(org_id, Window(limit=MOST_TOOLS))
    made = [Tool(each["id"], _tool_name(each)) for each in found]
    known = {each.id for each in made}
    others = (id for id in named if id not in known)
    return [*made, *(Tool(id, id, is_missing=len(found) < MOST_TOOLS) for id in others)]


def _tool_name(tool: Json) -> str:
    name = text_of(object_of(tool, "function"), "name") or text_of(tool, "name")
    return f"{name or tool['id']} ({text_of(tool, 'type') or 'function'})"


def starter(accounts: VendorAccounts) -> JsonDict:
    """A new assistant that talks at once, with what is ready here."""
    model = next(_ready_models(accounts), None)
    if model is None:
        voice = {"provider": registry.EMBEDDED, "voiceId": "en-us"}
        return {"firstMessage": KEYS_HELLO, "model": dict(EMBEDDED), "voice": voice}
    local = registry.local_programs()
    ready = [name for name in registry.stt_parts() if name in accounts and name not in local]
    usual = registry.DEFAULT_TRANSCRIBER
    stt = usual if usual in ready else next(iter(ready), _without_account(accounts))
    prompt = [{"role": "system", "content": PROMPT}]
    return {
        "firstMessage": HELLO,
        "model": {**model, "messages": prompt},
        "voice": dict(OWN_VOICE),
        "transcriber": {"provider": stt},
    }


def _without_account(accounts: VendorAccounts) -> str:
    """The transcriber of an installation without an account at one."""
    local = registry.LOCAL_TRANSCRIBER
    lack = buildable.problem("transcriber", {"provider": local}, accounts)
    return registry.EMBEDDED if lack else local


def _ready_models(accounts: VendorAccounts) -> Iterator[JsonDict]:
    """Of vendors with an account, each with its default model."""
    parts = registry.llm_parts()
    for name in dict.fromkeys([*USUAL, *parts]):
        if name in accounts and name in parts and parts[name].model:
            yield {"provider": name, "model": parts[name].model}
