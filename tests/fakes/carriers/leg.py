"""A leg at a carrier against the application in this process: its signed webhooks and its socket.

A leg speaks as its carrier does, with its carrier's own times and ids; what it says twice is equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from providers.base.media import StreamStart

if TYPE_CHECKING:
    from tests.fakes.carriers.base import Signer
    from tests.routes.api import Api

CUSTOMER, OURS = "+14155550111", "+14155550100"


@dataclass(frozen=True)
class Document:
    """What a carrier was told to do with a leg: open this socket, report there, then ask there."""

    media_url: str
    stream_url: str
    continue_url: str


class Leg(ABC):
    """One phone leg at a carrier. ``account`` and ``secret`` sign for it; the leg is inbound."""

    name: ClassVar[str]
    ACCOUNT: ClassVar[str]
    SECRET: ClassVar[str]
    OTHER_ACCOUNT: ClassVar[str]
    """Of another customer of the carrier's."""
    ARRIVAL: ClassVar[str]
    NO_ANSWER: ClassVar[str]
    ANNOUNCED: ClassVar[str]
    """The carrier's word before it dials."""
    OUTBOUND: ClassVar[dict[str, Any]]
    """Of a leg that the carrier dialled."""

    def __init__(self, app: Flask, account: str = "", secret: str = "") -> None:
        self.app = app
        self.account = account or self.ACCOUNT
        self.secret = secret or self.SECRET
        self.ref, self.call_ref = self._refs()
        self.begun = datetime.now(UTC)

    def same(self, account: str, secret: str) -> Leg:
        """This leg in the webhooks of another account, signed with its secret."""
        other = type(self)(self.app, account, secret)
        other.ref, other.call_ref, other.begun = self.ref, self.call_ref, self.begun
        return other

    def at(self, seconds: float) -> datetime:
        return self.begun + timedelta(seconds=seconds)

    @classmethod
    @abstractmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        """A phone number at this carrier with its account."""

    @classmethod
    @abstractmethod
    def credential_of(cls, api: Api) -> None:
        """The account alone."""

    @abstractmethod
    def arrive(self, query: Mapping[str, str] | None = None, *, visit: int = 1) -> TestResponse:
        """The leg reaches us and asks what to do; ``visit``: the same leg comes again."""

    @abstractmethod
    def say(
        self,
        word: str,
        seconds: float = 60,
        *,
        path: str = "",
        lasted: int | None = None,
        **fields: Any,
    ) -> TestResponse:
        """A word about the leg, so many seconds after its begin; ``lasted``: the leg's length."""

    @abstractmethod
    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        """The socket is closed, the leg lives: what now? Equal turns are the carrier's re-sends."""

    @abstractmethod
    def read(self, markup: str) -> Document | None:
        """The document in an answer; None when the leg is told something else."""

    @abstractmethod
    def offered(self, call: Mapping[str, Any]) -> Document:
        """The document in ``phoneCallProviderDetails``."""

    @abstractmethod
    def start(self) -> StreamStart:
        """The first word on the socket."""

    @property
    @abstractmethod
    def signer(self) -> Signer:
        """Of the account that signs for this leg."""

    def handshake(self, url: str) -> list[tuple[str, str]]:
        """Headers of the socket's handshake."""
        return [(name.lower(), value) for name, value in self.signer.handshake(url).items()]

    def post(
        self, url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """One signed webhook about this leg; its request target stays as it is on the wire."""
        path, base = target(url), self.app.extensions["patchbay"].settings.public_url
        request = self.signer.request("POST", base + path, {**self._names(), **fields})
        return self.app.test_client().post(
            path,
            data=request.body,
            headers={**request.headers, **(headers or {})},
            environ_overrides={"patchbay.raw_target": path},
        )

    @abstractmethod
    def _refs(self) -> tuple[str, str]: ...

    @abstractmethod
    def _names(self) -> dict[str, str]:
        """Fields that every webhook about this leg has."""


def target(url: str) -> str:
    """What is requested of a URL: path and query."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
