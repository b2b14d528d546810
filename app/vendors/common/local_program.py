"""The programs of this machine that hear or speak: what they lack, and their start.

This file loads none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pkgutil import resolve_name
from typing import TypeAlias

from app.vendors.common.account import VendorAccount
from app.vendors.common.vendor import Config, LocalProgram

# What the machine lacks for an assistant's ``voice`` or ``transcriber``, for the operator; None:
# nothing. It does not block.
Missing: TypeAlias = Callable[[Config, VendorAccount], str | None]
# Starts the program with its usual model, and returns once it has answered.
Start: TypeAlias = Callable[[VendorAccount], Awaitable[None]]


def lacking(program: LocalProgram | None, config: Config, account: VendorAccount) -> str | None:
    """What this machine lacks for a part; None: nothing, or the part is no program of it."""
    if program is None:
        return None
    missing: Missing = resolve_name(program.missing)
    return missing(config, account)


async def start(program: LocalProgram, account: VendorAccount) -> None:
    """Start it ahead of the first call. Raises what the program says."""
    begin: Start = resolve_name(program.start)
    await begin(account)
