"""What tests need of a carrier: its side of the media socket, its webhooks, and its API's answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol

import urllib3

from providers.base.webhook import Leg as LegNames
from providers.simulation.api_server import ApiReply
from providers.simulation.timeline import Request
from tests.fakes.carriers.leg import Leg


class Signer(Protocol):
    """Signs as the carrier does for one account: ``providers/*/simulator/config.py``."""

    def request(self, method: str, url: str, params: Mapping[str, str], /) -> Request: ...
    def handshake(self, url: str) -> dict[str, str]: ...


class Caller(Protocol):
    """The carrier's side of a media socket: what it sends, and what it understands."""

    name: ClassVar[str]
    rate: ClassVar[int]
    """Samples a second."""
    stops: ClassVar[bool]
    """Whether the carrier says that the caller has hung up."""

    def opening(self) -> list[str | bytes]: ...
    def sound(self, pcm: bytes) -> str | bytes: ...
    def digit(self, digit: str) -> str | bytes: ...

    def heard(self, message: str | bytes) -> bytes | None:
        """PCM of a message to the carrier; None when it is no sound."""

    def mark_reply(self, message: str | bytes) -> str | bytes | None:
        """The answer to a mark once it is played."""


class ServedBridge(Protocol):
    """A bridge that listens on a port."""

    url: str
    http: urllib3.PoolManager


class CarrierFake(ABC):
    """One carrier. ``ref`` is what the bridge stores as ``phoneCallProviderId``."""

    name: ClassVar[str]
    number: ClassVar[str]
    """The bridge's number at this carrier."""
    leg: ClassVar[type[Leg]]
    """A leg against the application in this process."""
    signer: ClassVar[Signer]
    """Of the bridge's account."""

    # -- the REST API's words for the same things

    dialled: ClassVar[LegNames]
    """The leg that the API has placed."""
    failed: ClassVar[str]
    """``endedReason`` of a call that the carrier did not place."""
    accepted: ClassVar[ApiReply]
    refused: ClassVar[ApiReply]
    code: ClassVar[str]
    """Stands in the text of ``refused``."""

    @abstractmethod
    def state(self, word: str, **fields: Any) -> ApiReply:
        """The dialled leg as the API shows it."""

    @abstractmethod
    def placed(self, refs: Sequence[str], word: str, at: datetime) -> ApiReply:
        """The list of these legs, which the API has placed at this time."""

    # -- the bridge's account

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The bridge's variables."""

    @abstractmethod
    def credential(self, *, rest: bool) -> dict[str, Any]:
        """The account in the bridge's settings. ``rest``: it may use the carrier's API."""

    # -- webhooks

    def send(
        self,
        bridge: ServedBridge,
        path: str,
        fields: Mapping[str, str],
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """One signed webhook; (status, body) of its answer. ``headers`` replace and join."""
        request = self.signer.request(method, bridge.url + path, fields)
        answer = bridge.http.request(
            method,
            request.url,
            body=request.body or None,
            headers={**request.headers, **(headers or {})},
        )
        return answer.status, answer.data.decode()

    @abstractmethod
    def new_ref(self) -> str: ...

    @abstractmethod
    def arrival(self, ref: str, **fields: str) -> dict[str, str]:
        """A caller's leg asks what to do."""

    @abstractmethod
    def status(self, ref: str, word: str, second: int, **fields: str) -> dict[str, str]:
        """A word about a leg that the carrier dialled, at that second of an hour."""

    @abstractmethod
    def status_url(self, details: Mapping[str, Any]) -> str:
        """Where ``phoneCallProviderDetails`` wants words about the leg."""

    @abstractmethod
    def ordered_status_url(self, body: bytes) -> str:
        """Where a create-call of the bridge wants them."""

    # -- the media socket

    @abstractmethod
    def media_url(self, details: Mapping[str, Any]) -> str:
        """The socket in ``phoneCallProviderDetails``."""

    @abstractmethod
    def caller(self, call_id: str, ref: str = "") -> Caller:
        """Whose first message names this call; and the leg ``ref``, if its carrier does."""
