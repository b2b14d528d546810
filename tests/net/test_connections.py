"""Every place of ours that opens a connection, and why it may.

Whatever a client's URL leads to is called by ``app.net``. A new place has to be listed here, with
its reason; a place that is gone has to leave the list.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

OPENERS = re.compile(
    r"aiohttp\.\w+"
    r"|anthropic\.(Async)?Anthropic\w*"
    r"|asyncio\.open_(unix_)?connection"
    r"|deepgram\..+"
    r"|ftplib\.\w+|smtplib\.\w+"
    r"|http\.client\.HTTPS?Connection"
    r"|httpx2?\.((Async)?Client|get|post|put|patch|delete|request|stream)"
    r"|minio\.Minio"
    r"|obstore\..+"
    r"|openai\.(Async)?(Azure)?OpenAI"
    r"|pipecat\.services\.\w+\.(llm|stt|tts)\.\w+Service"
    r"|procrastinate\.\w+Connector"
    r"|psycopg\.connect|psycopg\.\w*Connection|psycopg_pool\.\w+Pool"
    r"|requests\.(Session|get|post|put|patch|delete|request)|requests\.adapters\.HTTPAdapter"
    r"|socket\.(create_connection|socket)"
    r"|sqlalchemy\.create_engine"
    r"|twilio\.rest\.Client|twilio\.http\.http_client\.\w+"
    r"|urllib\.request\.\w+"
    r"|urllib3\.(request|\w*PoolManager|HTTPS?ConnectionPool|ProxyManager)"
    r"|vonage\.Vonage"
    r"|websockets\.(connect|(asyncio|sync|legacy)\.client\.(unix_)?connect)"
)
"""Names of libraries that connect, in full."""
METHODS = frozenset({"create_connection", "create_unix_connection", "open_connection"})
"""Of an event loop, whatever it is called."""

NET = "a client of app/net, held to tests/net/contract.py"
GIVEN = "the SDK gets app/net's client"
OWN = "pipecat's class connects by itself: a client's address is checked when it is made, not pinned"
DATABASE = "the operator's database"
CARRIER = "the carrier's API, through its SDK"
MACHINE = "this machine only"
COMMAND = "a command that an operator runs, against the operator's own addresses"
SIMULATOR = "a simulated carrier calls the server that it was started for"

PLACES: dict[str, dict[str, str]] = {
    "app/assistants/local/turn_taking.py": {},
    "app/cli/demo.py": {"socket.socket": MACHINE, "urllib3.request": MACHINE},
}
