"""What this process was started with, and what others may read of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.doctor.finding import Finding
from app.domain.context import Context
from app.private_files import open_to_others


def plugins(context: Context) -> Iterator[Finding]:
    for plugin in context.settings.plugins:
        yield Finding("ok", f"plugin: {plugin}")
    for failpoint in context.settings.failpoints:
        yield Finding("error", f"FAILPOINT is set: {failpoint}; the bridge fails on purpose")


def files(context: Context) -> Iterator[Finding]:
    """What other users of this machine may read. A start makes its own files private."""
    settings, places = context.settings, list[Path]()
    if context.store.is_sqlite:
        database = Path(str(context.store.url.database))
        places += [database.parent, database, database.with_name("secret_key")]
    if settings.recordings_url is None:
        places.append(Path(settings.recordings_dir))
    for place in filter(open_to_others, places):
        mode = "700" if place.is_dir() else "600"
        yield Finding("note", f"other users may read {place}: chmod {mode} {place}")
