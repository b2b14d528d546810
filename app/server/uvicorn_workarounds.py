"""Where we change uvicorn, with the reason.

Written for uvicorn 0.54, the locked version. ``tests/server/test_uvicorn_workarounds.py`` fails
once uvicorn makes it needless.
"""

from __future__ import annotations

import logging


def names_no_path(record: logging.LogRecord) -> bool:
    """A filter of ``uvicorn.error``: False for the line about a websocket handshake.

    Its path holds the stream's token. ``access_log`` is off, but does not concern this line:
    uvicorn writes it to the logger of errors. https://github.com/Kludex/uvicorn/issues/562
    """
    return '"WebSocket %s"' not in str(record.msg)
