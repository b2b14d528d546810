"""Loads all that a call can use, while the image is built.

Python writes the bytecode of what it imports, and of nothing else. A part that needs a package which
the image leaves out fails the build here, and not a call.
"""

import os
from pkgutil import resolve_name

os.environ |= {"SECRET_KEY": "nothing is sealed here", "DATABASE_URL": "sqlite:////tmp/build.db"}

from app.assistants.local import preload
from app.doctor import examination
from app.domain.assistant.liquid import text as templates
from app.server import asgi, worker
from app.vendors import preload as vendors
from app.vendors import registry

STAGES = ("model", "transcriber", "voice")


def parts() -> list[str]:
    """The function that builds each vendor's model, transcriber and voice."""
    found = (each.part(stage) for each in registry.VENDORS.values() for stage in STAGES)
    return sorted({part.make for part in found if part is not None})


if __name__ == "__main__":
    assert callable(asgi.application)
    assert worker.Worker
    assert examination.examine
    for name in parts():
        resolve_name(name)
    preload.load()
    templates.preload()
    vendors.load_parts(registry.VENDORS)
    print(f"{len(parts())} parts of vendors can be loaded")
