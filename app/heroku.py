"""What a Heroku dyno knows of itself, and what its disk loses.

https://devcenter.heroku.com/articles/dyno-metadata
"""

from __future__ import annotations

from collections.abc import Mapping

DYNO = "DYNO"
"""The dyno's own name, such as ``web.1``. Every dyno has it."""
DOMAIN = "HEROKU_APP_DEFAULT_DOMAIN_NAME"
"""The app's own domain, where `heroku labs:enable runtime-dyno-metadata` is on.

``HEROKU_APP_NAME`` does not do: a domain has more in it than the name.
"""
NO_ADDRESS = (
    "PUBLIC_URL is not set, and this dyno does not know its own address: set PUBLIC_URL to the "
    "https address of the app, or `heroku labs:enable runtime-dyno-metadata` and deploy again"
)
RECORDINGS_ARE_LOST = (
    "recordings are lost with every restart of this dyno: set RECORDINGS_URL=s3://bucket/prefix "
    "(docs/operations.md, Recordings)"
)


def is_dyno(environ: Mapping[str, str]) -> bool:
    return bool(environ.get(DYNO, "").strip())


def serves(environ: Mapping[str, str]) -> bool:
    """Whether this dyno answers requests. The release command and one-off dynos do not."""
    return environ.get(DYNO, "").startswith("web.")


def address(environ: Mapping[str, str]) -> str | None:
    """The app's own address, if the dyno knows it."""
    domain = environ.get(DOMAIN, "").strip()
    return f"https://{domain}" if domain else None
