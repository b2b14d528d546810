"""pipecat's development runner, which answers Twilio's webhook. For the Python of its own venv.

https://docs.pipecat.ai/server/utilities/runner/guide
"""

from __future__ import annotations

import sys
from typing import Any


async def bot(arguments: Any) -> None:
    """No call of the bench opens a media socket."""


if __name__ == "__main__":
    from pipecat.runner.run import main

    sys.argv[1:] = ["-t", "twilio", "-x", "example.com", "--port", sys.argv[1]]
    main()
