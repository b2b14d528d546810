"""From an installation to its first call: five steps, and which of them are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.doctor import assistants as assistant_checks
from app.domain.context import Context
from app.domain.dashboard import numbers
from app.store.schema import assistants, calls, phone_numbers

MOST = 20
"""Assistants that are tried, the newest, until one can answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """``part``: the doctor's part that says more; ``links``: (words, path) of what to do."""

    title: str
    is_done: bool
    text: str
    links: tuple[tuple[str, str], ...] = ()
    part: str = ""
    command: str = ""
    """What to run instead, on a machine without a phone."""


def steps(context: Context, org_id: str) -> list[Step]:
    """All five, in their order."""
    return [make(context, org_id) for make in MAKE]


def is_ready(context: Context, org_id: str) -> bool:
    """Whether all are done. It stops at the first that is not."""
    return all(make(context, org_id).is_done for make in MAKE)


def _public_url(context: Context, org_id: str) -> Step:
    url = context.settings.public_url
    if context.settings.development:
        text = (
            f"PUBLIC_URL is {url}, which no carrier can reach. Put the bridge behind an https address, "
            "set PUBLIC_URL to it, and restart."
        )
    elif urlsplit(url).scheme != "https":
        text = f"PUBLIC_URL is {url}: carriers dial media only over TLS. Set an https address."
    else:
        return Step("Public URL", True, f"Carriers call {url}.", part="public-url")
    return Step("Public URL", False, text, part="public-url")


def _carrier(context: Context, org_id: str) -> Step:
    found = numbers.accounts_of(context, org_id)
    if not found:
        links = (("Add an account", "/credentials/new"),)
        return Step("Carrier", False, "Add your account at a carrier, or set its variables.", links)
    names = ", ".join(dict.fromkeys(each.carrier for each in found))
    links = (("Credentials", "/credentials"),)
    return Step("Carrier", True, f"There is an account at {names}.", links, "carriers")


def _number(context: Context, org_id: str) -> Step:
    found = numbers.listing(context, org_id)
    if not found:
        links = (("Add a number", "/numbers/new"),)
        text = "Store a number of that account. Its page says which URL to enter where."
        return Step("Number", False, text, links)
    pages = tuple((f"URLs of {each.number}", f"/numbers/{each.id}") for each in found[:3])
    return Step("Number", True, "Enter its URLs at the carrier, if you have not yet.", pages)


def _assistant(context: Context, org_id: str) -> Step:
    columns = assistants.c
    query = sa.select(columns.id).where(columns.org_id == org_id)
    newest = query.order_by(columns.created_at.desc()).limit(MOST)
    with context.store.read() as conn:
        used = set(conn.execute(_named(org_id)).scalars())
        ids = sorted(conn.execute(newest).scalars(), key=lambda id: id not in used)
    why = ""
    for id in ids:
        refused = assistant_checks.refused(context, org_id, id)
        if not refused and id in used:
            text = "One can answer, and a number has it."
            return Step("Assistant", True, text, ASSISTANTS, "assistants")
        if not refused:
            text = "One can answer. Choose it for your number, or name it in the number's URLs."
            return Step("Assistant", True, text, (("Numbers", "/numbers"),), "assistants")
        why = why or refused[0]
    if not why:
        return Step("Assistant", False, "Store an assistant: who answers, and how.", ASSISTANTS)
    return Step("Assistant", False, f"No stored one can answer: {why}", ASSISTANTS, "assistants")


def _test_call(context: Context, org_id: str) -> Step:
    columns = calls.c
    joined = sa.select(columns.id).where(columns.org_id == org_id, columns.started_at.is_not(None))
    with context.store.read() as conn:
        found = conn.execute(joined.limit(1)).scalar()
    if found:
        return Step("Test call", True, "An assistant has talked.", (("Calls", "/calls"),))
    stored = numbers.listing(context, org_id)
    number = stored[0].number if stored else "your number"
    accounts = numbers.accounts_of(context, org_id)
    carrier = accounts[-1].carrier if accounts else ""
    command = f'patchbay simulate {carrier} --say "Hello"' if carrier else ""
    text = f"Call {number} and talk: the call shows up here, and in Calls."
    return Step("Test call", False, text, command=command)


def _named(org_id: str) -> sa.Select[tuple[str]]:
    columns = phone_numbers.c
    return sa.select(columns.assistant_id).where(
        columns.org_id == org_id, columns.assistant_id.is_not(None)
    )


ASSISTANTS = (("Assistants", "/assistants"), ("New assistant", "/assistants/new"))
MAKE: tuple[Callable[[Context, str], Step], ...] = (
    _public_url,
    _carrier,
    _number,
    _assistant,
    _test_call,
)
