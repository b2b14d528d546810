"""All checks of ``patchbay doctor``, in the order of its lines.

Exit status of the command: 0 without an error, 1 with one. A note is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.cli.doctor import (
    assistants,
    carriers,
    database,
    dialling,
    last_resorts,
    process,
    public_url,
    recordings,
    server,
    stored,
    vendor_keys,
)
from app.cli.doctor.finding import Finding
from app.default_org import create_default_org
from app.wiring import Services

Check = Callable[[Services], Iterator[Finding]]

HERE: tuple[Check, ...] = (
    process.files,  # what other users of this machine may read
    stored.keys,
    stored.values,
    assistants.check,
    dialling.check,
    last_resorts.voices,
    last_resorts.fallbacks,
)
"""They look at this machine and its database only."""
OUTSIDE: tuple[Check, ...] = (
    recordings.check,  # in a bucket, perhaps
    vendor_keys.check,
    server.check,
    public_url.check,
)
"""They ask others. ``--offline`` leaves them out."""


def examine(patchbay: Services, *, offline: bool = False) -> list[Finding]:
    """All findings. A database that cannot be used ends the examination."""
    findings = [*process.plugins(patchbay), *database.check(patchbay)]
    if any(finding.level == "error" for finding in findings):
        return findings
    create_default_org(patchbay.context)
    for check in HERE if offline else (*HERE, *OUTSIDE):
        findings += check(patchbay)
    return [*findings, *carriers.check(patchbay, offline=offline)]
