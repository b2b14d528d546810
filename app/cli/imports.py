"""The ``patchbay import`` commands. Each is a dry run until it gets ``--write``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from app.cli.database_errors import DatabaseCommand
from app.cli.services import services as _services

if TYPE_CHECKING:
    from app.cli.vapi.source import Source
    from app.settings import Settings

KEY, ADDRESS = "VAPI_API_KEY", "VAPI_URL"
UNREADABLE = 2
"""Exit status when the source cannot be read: nothing has changed then."""


class SourceUnreadable(click.ClickException):
    """The source cannot be read."""

    exit_code = UNREADABLE


@click.group("import")
def import_() -> None:
    """Bring assistants, tools and numbers from another installation."""


@import_.command(cls=DatabaseCommand)
@click.argument("folder", required=False)
@click.option("--env", help="Which environment of a gitops folder, where it has several.")
@click.option("--write", is_flag=True, help="Do it. Without this nothing is stored.")
@click.option("--overwrite", is_flag=True, help="Vapi wins over what was changed or deleted here.")
@click.option("--fields", is_flag=True, help="List served fields too, instead of their number.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def vapi(
    folder: str | None, env: str | None, write: bool, overwrite: bool, fields: bool, as_json: bool
) -> None:
    """Import from Vapi's API (VAPI_API_KEY, VAPI_URL), or from a FOLDER that its gitops pulled.

    Exit status 0: all is well; 1: something needs a change of yours; 2: nothing could be read.
    """
    from app import default_org
    from app.cli.vapi.run import run
    from app.cli.vapi.source import SourceError

    patchbay = _services()
    try:
        source = _source(folder, env, patchbay.settings)
    except SourceError as error:
        raise SourceUnreadable(str(error)) from error
    patchbay.upgrade()
    default_org.create_default_org(patchbay.context)
    org_id = default_org.ORG_ID
    report = run(patchbay, org_id, source, write=write, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(report.json(), indent=2))
    else:
        for line in report.lines(all_fields=fields):
            click.echo(line)
    sys.exit(report.exit_code)


def _source(folder: str | None, env: str | None, settings: Settings) -> Source:
    """Raises ``SourceError``."""
    from app.cli.vapi import gitops
    from app.cli.vapi.api import URL, VapiApi
    from app.cli.vapi.source import SourceError

    if folder is not None:
        if not Path(folder).is_dir():
            raise SourceError(f"{folder} is not a folder")
        return gitops.read(folder, env)
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise SourceError(f"there is no key: set {KEY}, or name a folder that gitops pulled")
    url = os.environ.get(ADDRESS, "").strip().rstrip("/") or URL
    if urlsplit(url).scheme not in {"https", "http"}:
        raise SourceError(f"{ADDRESS} must be an http or https address")
    return VapiApi(key, url, settings.allow_private_server_urls).read()
