"""A request to an API of the client's choice, without a server of Vapi's kind in between.

https://docs.vapi.ai/tools/api-request
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from app.assistants.local.tools.replies import MAX_RESULT, sentence, text_of_result
from app.assistants.local.tools.request_schema import built, static_values
from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run, ToolFailed
from app.domain.assistant import backoff
from app.domain.assistant.fields import Json, number_of, object_of, text_of
from app.net.authentication import Signer, behind
from app.net.headers import FRAMING, header_problem
from app.net.httpx_client import make_client
from providers.common import foreign_json
from providers.common.json_types import JsonDict

CONNECT_SECONDS = 5.0
# Bytes of an answer. A longer one fails.
MAX_BYTES = 1_000_000
MOST_WAIT_SECONDS = 30.0
WITHOUT_BODY = frozenset({"GET", "HEAD"})
# Characters of a URL that stay as they are: all that RFC 3986 has, and what is escaped already.
URL_CHARACTERS = ":/?#[]@!$&'()*+,;=%~"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of any status. ``headers``: lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def request(run: Run) -> Outcome:
    """Send the request, and again as ``backoffPlan`` says. Raises ``ToolFailed``."""
    plan = object_of(run.tool.json, "backoffPlan")
    signer = await _signer(run)
    for made in count(1):
        status = None
        try:
            answer = await _once(run, signer)
        except (TimeoutError, httpx2.HTTPError) as error:
            problem = _sentence_of(error)
        else:
            if 200 <= answer.status < 300:
                return _outcome(answer)
            problem, status = _refusal(answer), answer.status
        wait = backoff.wait(plan, made, status)
        if wait is None:
            break
        await asyncio.sleep(min(wait, MOST_WAIT_SECONDS))
    raise ToolFailed(problem)


def longest_seconds(tool: Json) -> float:
    """The longest that a request and its repetitions may take."""
    plan = object_of(tool, "backoffPlan")
    attempts = range(1, backoff.retries(plan) + 1)
    waits = [min(backoff.wait(plan, made) or 0.0, MOST_WAIT_SECONDS) for made in attempts]
    return _seconds(tool) * (len(waits) + 1) + sum(waits)


async def _signer(run: Run) -> Signer | None:
    """Of the tool's credential, behind the headers of its own."""
    credential_id = text_of(run.tool.json, "credentialId")
    signer = await run.call_context.signer(credential_id) if credential_id else None
    return behind(signer, _given_headers(run))


async def _once(run: Run, signer: Signer | None) -> Answer:
    """One request, to an address that the policy lets pass."""
    tool = run.tool.json
    method = text_of(tool, "method").upper() or "GET"
    body = built(object_of(tool, "body"), run.arguments, run.render)
    body |= static_values(tool, run.render)
    url = _url(run, body if method in WITHOUT_BODY else {})
    content = None if method in WITHOUT_BODY else json.dumps(body, ensure_ascii=False).encode()
    headers = _headers(run, has_body=content is not None)
    client = make_client(
        _seconds(tool),
        run.call_context.addresses,
        connect_seconds=CONNECT_SECONDS,
        retries=False,
        proxies=False,
        signer=signer,
    )
    async with asyncio.timeout(_seconds(tool)), client:
        sent = client.build_request(method, url, headers=headers, content=content)
        response = await client.send(sent, stream=True)
        return Answer(response.status_code, dict(response.headers), await _read(response))


async def _read(response: httpx2.Response) -> bytes:
    """The body. Raises ``ToolFailed`` for one of over ``MAX_BYTES``."""
    found = bytearray()
    async with aclosing(response):
        async for piece in response.aiter_bytes():
            found += piece
            if len(found) > MAX_BYTES:
                raise ToolFailed(f"the answer is over {MAX_BYTES} bytes")
    return bytes(found)


def _url(run: Run, query: JsonDict) -> str:
    """The URL. The model's values must not choose its host.

    Raises ``ToolFailed``. ``query``: values of a request without a body.
    """
    template = text_of(run.tool.json, "url")
    url = quote(run.render(template).strip(), safe=URL_CHARACTERS)
    host = urlsplit(quote(run.fixed(template).strip(), safe=URL_CHARACTERS)).netloc
    if not host or urlsplit(url).netloc != host:
        raise ToolFailed("the tool's url has no host, or one that the model would choose")
    named = {name for name in query if f"{{{{{name}" in template.replace(" ", "")}
    left = {
        name: value if isinstance(value, str) else text_of_result(value)
        for name, value in query.items()
        if name not in named
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(left)}" if left else url


def _headers(run: Run, *, has_body: bool) -> dict[str, str]:
    """The headers of the tool's schema, or of a plain object. Raises ``ToolFailed``."""
    found = {"Accept": "application/json"}
    if has_body:
        found["Content-Type"] = "application/json"
    for name, value in _given_headers(run).items():
        text = run.render(value) if isinstance(value, str) else text_of_result(value)
        problem = header_problem(name, text)
        if problem:
            raise ToolFailed(f"the header {name[:40]} {problem}")
        found = {each: old for each, old in found.items() if each.lower() != name.lower()}
        if name.lower() not in FRAMING:
            found[name] = text
    return found


def _given_headers(run: Run) -> Mapping[str, object]:
    given = object_of(run.tool.json, "headers")
    if "properties" in given:
        return built(given, {}, run.render)
    return {name: value for name, value in given.items() if name != "type"}


def _outcome(answer: Answer) -> Outcome:
    try:
        body = foreign_json.parse(answer.body)
    except ValueError:
        body = answer.body.decode(errors="replace").replace("\0", "")[:MAX_RESULT]
    return Outcome(text_of_result(body) or "Done.", body=body, headers=answer.headers)


def _refusal(answer: Answer) -> str:
    """A sentence about an answer of another status."""
    try:
        told = foreign_json.parse(answer.body)
    except ValueError:
        told = None
    more = f": {sentence(told)}" if isinstance(told, Mapping) and told else ""
    return f"the server answered {answer.status}{more}"


def _sentence_of(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return "the server did not answer in time"
    return f"the server cannot be reached: {error}"[:300]


def _seconds(tool: Json) -> float:
    return min(max(number_of(tool, "timeoutSeconds", SERVER_SECONDS), 1.0), 300.0)
