"""From an object of Vapi's to the body that this API takes, with what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.cli.vapi.kinds import FILE, READ_ONLY, Kind
from app.cli.vapi.references import CREDENTIAL, FIELDS, SPELLINGS, Missing, References
from app.cli.vapi.source import Found
from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.resources.files import MAX_NAME
from providers.common.json_types import JsonDict
from providers.registry import PROVIDERS

SECRETS = frozenset(name for each in PROVIDERS.values() for name in each.number_fields.secrets)
"""Of a number's account. It must be set here."""
NOT_KEPT = "Vapi's, and not kept here"
LEFT_OUT = "is not set here and is left out"
SET_IT = "is not set here: set it, then import again"


@dataclass(frozen=True, slots=True)
class Body:
    """``json``: for the schema. ``missing``: references to what is not imported."""

    json: JsonDict
    left_out: list[Finding]
    missing: list[Missing]


def body_of(kind: Kind, found: Found, known: Mapping[str, Mapping[str, str]]) -> Body:
    """``known``: as of ``References``."""
    given = {SPELLINGS.get(name, name): value for name, value in found.body.items()}
    fields = kind.fields if kind.is_closed else given.keys()
    skipped = {*READ_ONLY, *kind.set_here}
    kept = {k: v for k, v in given.items() if k in fields and k not in {*skipped, *SECRETS}}
    if kind.name == FILE:
        kept["name"] = found.name[:MAX_NAME]
    left_out = [
        Finding(name, Fate.IGNORED, kind.no_field.get(name, NOT_KEPT))
        for name, value in given.items()
        if name not in fields and name not in skipped and value not in (None, False, [])
    ]
    secret = [
        Finding(name, Fate.MAPPED, "the account that is set here counts")
        for name in given
        if name in SECRETS
    ]
    references = References(known)
    return Body(references.mapped(kept), [*left_out, *secret], references.missing)


def about_missing(missing: Iterable[Missing], names: Mapping[str, str]) -> Iterator[Finding]:
    """``names``: id of a credential -> its name."""
    for path, kind, name in missing:
        if kind != CREDENTIAL:
            yield Finding(path, Fate.IGNORED, f"{kind} {name} is not among what is imported")
            continue
        whose = f"credential {names.get(name, name)}"
        is_list = path.rpartition(".")[2] in _LISTS
        if is_list:
            yield Finding(path, Fate.IGNORED, f"{whose} {LEFT_OUT}")
        else:
            yield Finding(path, Fate.REFUSED, f"{whose} {SET_IT}")


_LISTS = frozenset(name for name in FIELDS if name.endswith("Ids"))
