"""``patchbay studio-flow`` and ``patchbay studio-lint``: flows of Twilio Studio that use the bridge."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from app.cli.database_errors import DatabaseCommand
from app.cli.services import services

if TYPE_CHECKING:
    from app.wiring import Services

# A flow's definition has at most 1000 widgets. Ten times what those take.
MOST_CHARACTERS = 20_000_000


@click.command("studio-flow", cls=DatabaseCommand)
@click.option("--url", help="Your bridge's public URL; PUBLIC_URL by default.")
@click.option("--assistant-id", help="The assistant that answers; ASSISTANT_ID by default.")
@click.option("--transfer-to", help="A number (E.164) for callers whose assistant has failed.")
def studio_flow(url: str | None, assistant_id: str | None, transfer_to: str | None) -> None:
    """Print a Twilio Studio flow for your host, ready to import."""
    from providers.common.e164 import E164
    from providers.twilio.studio import flow

    patchbay = services()
    base = _usable(url or patchbay.settings.public_url)
    if transfer_to and not E164.fullmatch(transfer_to):
        raise click.ClickException("--transfer-to must be E.164, such as +14155551234")
    answering = _stored(patchbay, assistant_id or patchbay.settings.assistant_id)
    click.echo(json.dumps(flow(base, answering, transfer_to), indent=2))


def _usable(url: str) -> str:
    """The URL, if Twilio can call it."""
    from urllib.parse import urlsplit

    from app.settings import is_local

    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good or is_local(url):
        raise click.ClickException(
            f"Twilio cannot call {url}: set PUBLIC_URL, or give --url, with the bridge's https URL"
        )
    return url


def _public_url() -> str:
    """PUBLIC_URL, unless it is of this machine only: no flow leads there."""
    url = os.environ.get("PUBLIC_URL", "").strip()
    return url if url.startswith("https://") else ""


def _stored(patchbay: Services, assistant_id: str | None) -> str:
    """The id, if there is such an assistant."""
    import sqlalchemy as sa

    from app.domain.ids import parse_uuid
    from app.store.schema import assistants

    if not assistant_id:
        raise click.ClickException(
            "a flow needs an assistant: store one (POST /assistant), and give --assistant-id"
        )
    wanted = parse_uuid(assistant_id)
    with patchbay.store.read() as conn:
        found = wanted and conn.scalar(sa.select(assistants.c.id).where(assistants.c.id == wanted))
    if not found:
        raise click.ClickException(
            f"there is no assistant {assistant_id} in this bridge's database: the flow's callers"
            " would be turned away (`GET /assistant` lists those that exist)"
        )
    return str(found)


@click.command("studio-lint")
@click.argument("flow", type=click.File("r", encoding="utf-8"))
@click.option("--url", help="Your bridge's public URL, to compare with; PUBLIC_URL by default.")
def studio_lint(flow: TextIO, url: str | None) -> None:
    """Say where a caller can fall out of a Studio flow (its JSON; - is stdin).

    Exit status 1 with findings, 2 if the file is not a flow.
    """
    from providers.twilio.studio_definition import NotAFlow, read
    from providers.twilio.studio_lint import check

    try:
        definition = read(json.loads(flow.read(MOST_CHARACTERS)))
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, NotAFlow) else f"it is not JSON ({error})"
        raise click.BadParameter(f"{flow.name} is not a Studio flow: {why}") from error
    findings = check(definition, _usable(url) if url else _public_url())
    for finding in findings:
        click.echo(str(finding))
    many = len(definition.lending)
    if not findings:
        click.echo(f"no way out of the flow was found ({many} widget{'s' * (many != 1)} of ours)")
    sys.exit(1 if findings else 0)
