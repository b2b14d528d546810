"""What the vendors of the benches share: how loud speech is, and the server on a port."""

from __future__ import annotations

import logging
import sys

import uvloop
from aiohttp import web

LOUD = 500
"""The level of speech; below it is silence."""
PARTIAL = 0.5
"""Seconds of speech after which a partial transcript grows."""


def serve(application: web.Application) -> None:
    """On the port that the command line names. What has no route of its own is accepted."""
    application.router.add_route("*", "/{path:.*}", _nothing)
    uvloop.install()
    logging.getLogger("aiohttp.server").disabled = True  # the caller hung up during the answer
    web.run_app(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=lambda *_: None,
        access_log=None,
    )


async def _nothing(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()
