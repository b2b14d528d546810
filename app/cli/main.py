"""The ``patchbay`` command; its commands are also ``flask --app app`` commands."""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

import click

from app.cli.database_errors import DatabaseCommand
from app.cli.imports import import_
from app.cli.scenarios.command import test
from app.cli.services import services as _services
from app.cli.studio import studio_flow, studio_lint
from providers.registry import SIMULATORS

SERVER = (
    *("-m", "gunicorn", "--no-control-socket", "-k", "app.server.worker.Worker"),
    "app.server.asgi:application",
)
# glibc keeps freed memory in pools per thread, and calls bring threads. Two pools suffice and stay
# small. https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
ARENAS = ("MALLOC_ARENA_MAX", "2")


@click.command(cls=DatabaseCommand)
def serve() -> None:
    """Run the bridge: database up to date, then the web server on PORT."""
    from app import default_org
    from app.cli import port

    patchbay = _services()
    settings = patchbay.settings
    host = "127.0.0.1" if settings.development else "0.0.0.0"  # noqa: S104
    port.check_free(host, settings.port)
    patchbay.upgrade()
    key = default_org.create_default_org(patchbay.context, is_start=True)
    click.echo(f"Patchbay on {settings.public_url}  (docs: {settings.public_url}/docs)")
    click.echo(f"Dashboard: {settings.public_url}/dashboard  (sign in with an API key)")
    if key:
        click.echo(f"API key (shown once): {key}")
    patchbay.store.close()
    arguments = [sys.executable, *SERVER, "-b", f"{host}:{settings.port}"]
    sys.stdout.flush()
    os.environ.setdefault(*ARENAS)
    os.execv(sys.executable, arguments)  # noqa: S606


@click.group()
def db() -> None:
    """The database's schema."""


@db.command(cls=DatabaseCommand)
def upgrade() -> None:
    """Bring the schema up to date (Heroku's release command)."""
    patchbay = _services()
    patchbay.upgrade()
    click.echo("database up to date")


@db.command(cls=DatabaseCommand)
def current() -> None:
    """Say whether the schema is up to date; exit status 1 if not."""
    from app.store import migrate

    is_current = migrate.is_current(_services().store)
    click.echo("up to date" if is_current else "older than this program: run `patchbay db upgrade`")
    sys.exit(0 if is_current else 1)


@db.command(cls=DatabaseCommand)
def size() -> None:
    """Say what each table takes, and what retention would delete. It reads the whole database."""
    from app.cli import db_size

    for line in db_size.report(_services().context):
        click.echo(line)


@click.group()
def keys() -> None:
    """API keys."""


@keys.command(cls=DatabaseCommand)
@click.option("--name", default="cli", help="What to remember it by.")
def create(name: str) -> None:
    """Create a key and print it; it cannot be shown again."""
    from app import default_org
    from app.store.vault import new_token

    patchbay = _services()
    patchbay.upgrade()
    default_org.create_default_org(patchbay.context)
    key = new_token()
    with patchbay.store.write() as conn:
        default_org.add_key(patchbay.context, conn, key, name)
    click.echo(key)


@keys.command("list", cls=DatabaseCommand)
def list_keys() -> None:
    """List every key: its beginning, name, and whether it is valid."""
    from app.domain.context import iso
    from app.store import accounts

    patchbay = _services()
    with patchbay.store.read() as conn:
        for row in accounts.list_keys(conn):
            state = f"revoked {iso(row['revoked_at'])}" if row["revoked_at"] else "in force"
            click.echo(f"{row['prefix']}…  {row['name']:<12} {iso(row['created_at'])}  {state}")


# a key may begin with a dash, which is no option then
@keys.command(cls=DatabaseCommand, context_settings={"ignore_unknown_options": True})
@click.argument("prefix")
def revoke(prefix: str) -> None:
    """Revoke the key with this beginning (or id)."""
    from app.domain.ids import parse_uuid
    from app.store import accounts

    patchbay = _services()
    named = prefix.rstrip("…")
    with patchbay.store.write() as conn:
        found = accounts.revoke_key(conn, parse_uuid(named) or named, patchbay.context.now())
    if not found:
        raise click.ClickException(f"no key in force begins with {prefix!r}")
    click.echo("revoked")


@click.command("login-link", cls=DatabaseCommand)
@click.option("--look", is_flag=True, help="For a session that may look, and change nothing.")
def login_link(look: bool) -> None:
    """Print a link that opens the dashboard once, within an hour."""
    from app import default_org
    from app.domain.login import sessions, tokens

    patchbay = _services()
    patchbay.upgrade()
    default_org.create_default_org(patchbay.context)
    role = sessions.LOOK if look else sessions.ACT
    click.echo(tokens.new_link(patchbay.context, default_org.ORG_ID, role))


@click.command(cls=DatabaseCommand)
@click.option("--failpoints", is_flag=True, help="List what the setting FAILPOINT may name.")
@click.option("--offline", is_flag=True, help="Ask no vendor, carrier, bucket or server.")
def doctor(failpoints: bool, offline: bool) -> None:
    """Check the settings, the database, the accounts and the public URL; say what to change.

    Exit status 1 if there is an ERROR, 0 if there are notes only.
    """
    if failpoints:
        from app.failpoints.points import POINTS

        for name, sentence in POINTS.items():
            click.echo(f"{name:<30} {sentence}")
        return
    from app.doctor.examination import examine

    patchbay = _services()
    findings = examine(patchbay.context, offline=offline, upgrade=patchbay.upgrade)
    for finding in findings:
        click.echo(str(finding))
    sys.exit(1 if any(finding.level == "error" for finding in findings) else 0)


@click.command(cls=DatabaseCommand)
@click.argument("file", required=False)
@click.option("--assistant-id", help="A stored assistant instead of a file's.")
def check(file: str | None, assistant_id: str | None) -> None:
    """Say what becomes of each field of an assistant; exit status 1 where a call would fail."""
    from app.cli import check as checks
    from app.domain.assistant.served_fields import Fate
    from app.settings import SettingsError

    if (file is None) == (assistant_id is None):
        raise click.ClickException("give either a FILE or --assistant-id")
    try:
        found = checks.of_file(file) if file else checks.of_stored(_services(), assistant_id or "")
    except (checks.NoAssistant, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    for line in checks.lines(found):
        click.echo(line)
    sys.exit(1 if any(each.fate is Fate.REFUSED for each in found) else 0)


@click.command()
@click.argument("file", type=click.File("r", errors="replace"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as POST /explain answers it.")
def explain(file: TextIO, as_json: bool) -> None:
    """Say what Patchbay would make of callbacks: JSON lines, form bodies or a HAR file; - is stdin.

    It needs no settings, no server and no database.
    """

    from app.domain.reporting import pasted
    from app.store.clock import utc_now
    from providers.base.pasted import NotReadable
    from providers.registry import PROVIDERS

    try:
        found = pasted.explain_text(file.read(), PROVIDERS, utc_now())
    except NotReadable as error:
        raise click.ClickException(f"{getattr(file, 'name', 'stdin')}: {error}") from error
    told = [json.dumps(found, indent=2)] if as_json else pasted.lines(found)
    click.echo("\n".join(told))
    sys.exit(0 if found["calls"] else 1)


@click.command()
@click.argument("carrier", type=click.Choice(list(SIMULATORS)))
@click.option("--scenario", help="Which call to play.")
@click.option("--list", "listing", is_flag=True, help="Name the scenarios.")
@click.option(
    "--say",
    "turns",
    multiple=True,
    help="Converse: words, a WAV file or keys (12#), said once the assistant has spoken; with + in"
    " front over its words, with : at once. Repeat it; afterwards the caller hangs up.",
)
@click.option("--record", help="Write a conversation to this WAV file: caller left, bridge right.")
@click.option("--assistant-id", help="Whom a conversation is with; the embedded menu by default.")
@click.option("--ends", help="The endedReason a conversation must have; any good one by default.")
def simulate(
    carrier: str,
    scenario: str | None,
    listing: bool,
    turns: tuple[str, ...],
    record: str | None,
    assistant_id: str | None,
    ends: str | None,
) -> None:
    """Play a carrier against the running bridge; exit status 1 for an unexpected end."""
    from importlib import import_module

    from app.cli.caller_voice import caller_voice
    from providers.simulation.script import options
    from providers.simulation.timeline import SimulatorError

    if turns:
        scenario = scenario or "conversation"
    simulator = import_module(SIMULATORS[carrier])
    if listing or not scenario:
        for name, entry in simulator.SCENARIOS.items():
            click.echo(f"{name:<26} {entry.description}")
        sys.exit(0 if listing else 2)
    if scenario not in simulator.SCENARIOS:
        raise click.ClickException(f"no scenario {scenario!r}; see --list")
    try:
        with caller_voice() as speak:
            chosen = options(turns, record, assistant_id, ends, speak)
            result = simulator.run(scenario, simulator.config_from_environment(**chosen))
    except SimulatorError as error:
        raise click.ClickException(str(error)) from error
    click.echo(result.sentence)
    sys.exit(0 if result.ok else 1)


@click.command()
@click.option("--once", is_flag=True, help="Exit 0 or 1 instead of leaving the bridge running.")
@click.option(
    "--verbose", is_flag=True, help="Print every request, document, message and the Call."
)
def demo(once: bool, verbose: bool) -> None:
    """Play one Studio call and one Vonage call through a bridge of its own, with comments."""
    from app.cli.demo import run
    from app.cli.processes import end_by_sigterm
    from providers.simulation.timeline import SimulatorError

    end_by_sigterm()
    try:
        sys.exit(run(once=once, verbose=verbose))
    except SimulatorError as error:
        raise click.ClickException(str(error)) from error


COMMANDS: tuple[click.Command, ...] = (
    *(serve, db, keys, login_link, doctor, check, import_, explain),
    *(simulate, test, studio_flow, studio_lint, demo),
)

main = click.Group("patchbay", help=__doc__, commands=list(COMMANDS))
