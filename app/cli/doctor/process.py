"""What this process was started with, and what others may read of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.cli.doctor.finding import Finding
from app.private_files import open_to_others
from app.wiring import Services


def plugins(patchbay: Services) -> Iterator[Finding]:
    for plugin in patchbay.settings.plugins:
        yield Finding("ok", f"plugin: {plugin}")
    for failpoint in patchbay.settings.failpoints:
        yield Finding("error", f"FAILPOINT is set: {failpoint}; the bridge fails on purpose")


def files(patchbay: Services) -> Iterator[Finding]:
    """What other users of this machine may read. A start makes its own files private."""
    settings, places = patchbay.settings, list[Path]()
    if patchbay.store.is_sqlite:
        database = Path(str(patchbay.store.url.database))
        places += [database.parent, database, database.with_name("secret_key")]
    if settings.recordings_url is None:
        places.append(Path(settings.recordings_dir))
    for place in filter(open_to_others, places):
        mode = "700" if place.is_dir() else "600"
        yield Finding("note", f"other users may read {place}: chmod {mode} {place}")
