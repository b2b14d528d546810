"""All checks of ``patchbay doctor``, in the order of its lines.

Exit status of the command: 0 without an error, 1 with one. A note is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.default_org import create_default_org
from app.doctor import (
    assistants,
    carriers,
    database,
    dialling,
    last_resorts,
    owner_callbacks,
    process,
    public_url,
    recordings,
    server,
    stored,
    vendor_keys,
)
from app.doctor.finding import Finding
from app.domain.context import Context

Check = Callable[[Context], Iterator[Finding]]

HERE: tuple[Check, ...] = (
    process.files,  # what other users of this machine may read
    stored.keys,
    stored.values,
    assistants.check,
    dialling.check,
    last_resorts.voices,
    last_resorts.fallbacks,
    last_resorts.local_speech,
)
"""They look at this machine and its database only."""
OUTSIDE: tuple[Check, ...] = (
    recordings.check,  # in a bucket, perhaps
    vendor_keys.check,
    server.check,
    owner_callbacks.check,
    public_url.check,
)
"""They ask others. ``--offline`` leaves them out."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the checks, for a page that shows them one by one."""

    name: str
    title: str
    checks: tuple[Check, ...]


PARTS: tuple[Part, ...] = (
    Part(
        "here",
        "This installation",
        (
            process.plugins,
            database.check,
            *(check for check in HERE if check is not assistants.check),
        ),
    ),
    Part("public-url", "Public URL", (public_url.check,)),
    Part("carriers", "Carriers and numbers", (carriers.some,)),
    Part("assistants", "Assistants", (assistants.check,)),
    Part("vendors", "Keys of vendors", (vendor_keys.check,)),
    Part("server", "Your server", (server.check, owner_callbacks.check)),
    Part("recordings", "Recordings", (recordings.check,)),
)
"""Together they make the checks of the command."""


def run(context: Context, part: Part) -> list[Finding]:
    """The findings of one part."""
    return [finding for check in part.checks for finding in check(context)]


def examine(
    context: Context, *, offline: bool = False, upgrade: Callable[[], None] | None = None
) -> list[Finding]:
    """All findings. A database that cannot be used ends the examination.

    ``upgrade``: as in ``database.check``.
    """
    findings = [*process.plugins(context), *database.check(context, upgrade)]
    if any(finding.level == "error" for finding in findings):
        return findings
    create_default_org(context)
    for check in HERE if offline else (*HERE, *OUTSIDE):
        findings += check(context)
    return [*findings, *carriers.check(context, offline=offline)]
