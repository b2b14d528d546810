"""What the voices of several vendors share. Pure: a voice's own module imports pipecat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import as_websocket
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

    # The assistant's ``voice``, the account, the call's rate in hertz, and ``Custom``.
    # ``TypeError`` and ``ValueError`` mean an invalid field of the voice.
    MakeVoice: TypeAlias = Callable[[Config, VendorAccount, int, "Custom"], TTSService]


@dataclass(frozen=True, slots=True)
class Custom:
    """What a voice at a client's own server needs beside its configuration.

    ``addresses``: the rule for its server. ``about``: call, assistant and so on, for the message.
    """

    addresses: Addresses
    about: JsonObject = field(default_factory=dict, repr=False)


def address_rule(account: VendorAccount, custom: Custom) -> Addresses | None:
    """The rule for an account's address. Only a client's own address is checked."""
    return account.rule(custom.addresses)


def websocket_address(account: VendorAccount, default: str) -> str:
    """The account's address, or the vendor's own. It may be given as http or as ws."""
    return as_websocket((account.url or default).rstrip("/"))


def server_of(config: Config) -> JsonObject:
    """``voice.server``; empty for a voice without one."""
    server = config.get("server")
    return server if isinstance(server, Mapping) else {}
