"""Reads an organisation by Vapi's API. Only lists are read, and nothing is changed there.

https://docs.vapi.ai/api-reference/assistants/list
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.cli.vapi.kinds import KINDS
from app.cli.vapi.source import Credential, Found, Source, SourceError, name_of
from app.domain.resources.files import MAX_BYTES
from app.net.http import Response, SendError, get
from providers.common.json_types import JsonDict

URL = "https://api.vapi.ai"
LIMIT = 100
"""Objects of one page."""
MOST_PAGES = 1000
MOST_BYTES = 50_000_000
"""Of one page."""
SECONDS = 60.0
STATUS = {
    401: "does not accept the key: check VAPI_API_KEY, which must be a private key",
    403: "does not allow this key to read: use a private key of the organisation",
    429: "asks to wait: run the command again in a minute",
}


@dataclass(frozen=True, slots=True)
class VapiApi:
    """One organisation."""

    key: str = field(repr=False)
    url: str = URL
    allow_private_files: bool = False
    """Whether a file may be at a private address."""

    def read(self) -> Source:
        """Raises ``SourceError``."""
        objects = [
            Found(kind.name, str(each["id"]), name_of(each, str(each["id"])), each)
            for kind in KINDS
            for each in self._objects(kind.path)
        ]
        held = [
            Credential(str(each["id"]), str(each.get("name") or ""), str(each.get("provider")))
            for each in self._objects("/credential")
        ]
        whole = frozenset(kind.name for kind in KINDS)
        return Source(objects, held, content=self._content, kinds=whole)

    def _objects(self, path: str) -> list[JsonDict]:
        """All objects of one kind, each once."""
        found: dict[str, JsonDict] = {}
        for page in self._pages(path):
            before = len(found)
            for each in page:
                if not isinstance(each, dict) or not isinstance(each.get("id"), str):
                    raise SourceError(f"{self.url}{path} answers something that is not Vapi's")
                found[each["id"]] = each
            if len(found) == before:  # a list without pages answers the same again
                break
        return list(found.values())

    def _pages(self, path: str) -> Iterator[list[Any]]:
        """Lists go back in time, by the oldest object so far. Others have numbered pages."""
        query: dict[str, str | int] = {"limit": LIMIT}
        for number in range(1, MOST_PAGES):
            answer = self._get(f"{path}?{urlencode(query)}")
            numbered = isinstance(answer, dict)
            page = answer.get("results") if isinstance(answer, dict) else answer
            if not isinstance(page, list):
                raise SourceError(f"{self.url}{path} answers something that is not Vapi's")
            yield page
            if len(page) < LIMIT:
                return
            oldest = min((str(each.get("createdAt")) for each in page), default="")
            query |= {"page": number + 1} if numbered else {"createdAtLe": oldest}

    def _get(self, path: str) -> Any:
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
            answer = get(self.url + path, headers, SECONDS, True, MOST_BYTES)
        except SendError as error:
            raise SourceError(f"{self.url} cannot be read: {error}") from error
        if answer.status != 200:
            raise SourceError(self._refusal(answer, path.partition("?")[0]))
        try:
            return json.loads(answer.body)
        except ValueError:
            raise SourceError(f"{self.url} answers something that is not JSON") from None

    def _refusal(self, answer: Response, path: str) -> str:
        why = STATUS.get(answer.status, f"answers {path} with status {answer.status}")
        return f"{self.url} {why}"

    def _content(self, file: Found) -> bytes:
        """A file's content. Its address has no key, and is not Vapi's API."""
        url = file.body.get("url")
        if not isinstance(url, str) or not url:
            raise SourceError("Vapi gives no address of its content")
        try:
            answer = get(url, {}, SECONDS, self.allow_private_files, MAX_BYTES + 1)
        except SendError as error:
            raise SourceError(f"its content cannot be fetched: {error}") from error
        if answer.status != 200:
            raise SourceError(f"its content is answered with status {answer.status}")
        return answer.body
