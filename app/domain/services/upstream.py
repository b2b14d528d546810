"""The messages of an upstream about the call that it is the assistant of."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app import deadline
from app.domain.assistant import upstream as requests
from app.domain.assistant import upstream_transfer
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.rendering import rendered
from app.domain.calls import call_assistant, record, variables
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context, Reply
from app.domain.errors import Invalid, NotFound, Unauthorized
from app.domain.legs.upstream import opens_messages, transfer_leg
from app.domain.reporting import server_messages, upstream
from app.domain.reporting.upstream_answers import Question
from app.domain.resources import tools
from app.store.again import one_transaction
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject

SECONDS = 19.0
"""For the owner's servers, all tools of a message together. The upstream waits ``SERVER_SECONDS``."""
OPEN_AFTER_END = timedelta(hours=1)
"""How long after a call's end messages about it are taken: the upstream's report comes then."""
MOST_CALLS = 32
"""Functions that one message may call: each is a request to the owner's server."""
LOOK_SECONDS = 0.2
"""Between two looks for an answer that is still made."""
LOST = "this was asked before, and its answer is lost: it may have been done"
TRANSFERRING = "The call is being transferred."
TOOL_CALLS = "tool-calls"
TOOL_LISTS = ("toolCalls", "toolCallList", "toolWithToolCallList")
Part = tuple[object, JsonDict]
"""The name of a function that is called, and the fields of the message for it."""


@dataclass(frozen=True, slots=True)
class UpstreamService:
    """The use cases of ``POST /upstream/<id>``."""

    context: Context
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def take(self, call_id: str, token: str, raw: bytes) -> JsonObject:
        """Take one message; the answer to it. Raises ``Unauthorized``, ``NotFound``, ``Invalid``."""
        if not opens_messages(self.context, call_id, token):
            raise Unauthorized("the token is not this call's")
        message = _message(raw)
        if text_of(message, "type") in requests.ASKED:
            return self._ask(call_id, message, raw)
        self._keep(call_id, message, raw)
        return {}

    @one_transaction
    def _keep(self, call_id: str, message: Json, raw: bytes) -> None:
        with self.context.store.write() as conn:
            call = self._found(record.get(conn, call_id, lock=True), call_id)
            digest = hashlib.sha256(raw).hexdigest()[:32]
            upstream.take(CallTx(self.context, conn, call), message, digest)

    def _found(self, call: Call | None, call_id: str) -> Call:
        """Raises ``NotFound``, and ``Unauthorized`` once the upstream has nothing more to say."""
        if call is None:
            raise NotFound("Call", call_id)
        if call.ended_at is not None and self.context.now() > call.ended_at + OPEN_AFTER_END:
            raise Unauthorized("the token's call has ended long ago")
        return call

    def _ask(self, call_id: str, message: Json, raw: bytes) -> JsonObject:
        """What the owner's server answers. Raises ``Invalid`` for a call that has been replaced."""
        until = self.clock() + SECONDS
        parts, kind = _parts(message), text_of(message, "type")
        upstream_id = text_of(object_of(message, "call"), "id")
        question = Question(self.context, call_id, upstream_id, raw)
        call, equipped, is_new = self._begun(question)
        if not is_new:
            return self._again(question, kind, parts)
        assistant = rendered(equipped, variables.of_call(self.context, call))
        asked = [
            self._transferred(call, assistant, part)
            if (name, kind) == (upstream_transfer.NAME, TOOL_CALLS)
            else self._asked(call, kind, part, requests.server_of_tool(assistant, name), until)
            for name, part in parts
        ]
        answer = _joined(kind, asked)
        question.keep(answer)
        return answer

    @one_transaction
    def _begun(self, question: Question) -> tuple[Call, AssistantConfig, bool]:
        """The call, its assistant with its tools, and whether the message is new."""
        with self.context.store.write() as conn:
            call = self._found(record.get(conn, question.call_id), question.call_id)
            if question.upstream_id not in call.facts.upstreams[-1:]:
                raise Invalid("message.call is not the one that talks to the caller now")
            is_new = question.begin(conn)
            stored = call_assistant.with_secrets(self.context, call)
            return call, tools.with_tools(self.context, conn, call.org_id, stored), is_new

    def _again(self, question: Question, kind: str, parts: Sequence[Part]) -> JsonObject:
        """The answer to the same message as before, for which it waits if it is still made."""
        with deadline.paused():
            began, answer = question.look()
            passed = max(0.0, (self.context.now() - began).total_seconds())  # clocks are set back
            until = self.clock() + SECONDS - passed
            while answer is None and self.clock() < until:
                self.pause(LOOK_SECONDS)
                _, answer = question.look()
        if answer is None:
            answer = _joined(kind, [_told(Reply(error=LOST), kind, part) for _, part in parts])
        return answer

    def _transferred(self, call: Call, assistant: AssistantConfig, extra: JsonObject) -> JsonObject:
        """The answer to the function that transfers. The leg leaves the upstream then."""
        (tool_call,) = objects_of(extra, "toolCallList")
        arguments = object_of(tool_call, "function").get("arguments")
        destination = upstream_transfer.chosen(assistant, arguments)
        problem = "it is none of the tool's destinations"
        if destination is not None:
            problem = transfer_leg(self.context, call.id, destination) or ""
        answer = {"error": problem} if problem else {"result": TRANSFERRING}
        return {"results": [{"toolCallId": tool_call.get("id"), **answer}]}

    def _asked(
        self, call: Call, kind: str, extra: JsonObject, server: JsonObject | None, until: float
    ) -> JsonObject:
        reply = Reply(error="no time was left for it: the servers before it took too long")
        if (seconds := until - self.clock()) > 0:
            with deadline.paused():
                reply = server_messages.ask(self.context, call, kind, extra, seconds, server)
        return _told(reply, kind, extra)


def _told(reply: Reply, kind: str, extra: JsonObject) -> JsonObject:
    """The reply of the owner's server, as the upstream wants it."""
    if kind != TOOL_CALLS:
        return _body(reply) or ({"error": reply.error} if reply.error else {})
    return {"results": _results(reply, objects_of(extra, "toolCallList"))}


def _joined(kind: str, answers: Sequence[JsonObject]) -> JsonObject:
    """The one answer to a message, of those to its parts."""
    if kind != TOOL_CALLS:
        return answers[0]
    return {"results": [result for answer in answers for result in objects_of(answer, "results")]}


def _message(raw: bytes) -> Json:
    try:
        body = foreign_json.parse(raw)
    except ValueError as error:
        raise Invalid(f"the body is no JSON: {error}") from error
    message = object_of(body, "message") if isinstance(body, Mapping) else {}
    if not text_of(message, "type"):
        raise Invalid("message.type should not be empty")
    return message


def _parts(message: Json) -> list[Part]:
    """The function's name and the fields of the message, for each function that is called.

    Raises ``Invalid`` for too many.
    """
    extra = {name: each for name, each in message.items() if name not in upstream.COMMON}
    if text_of(message, "type") != TOOL_CALLS:
        function = object_of(message, "functionCall")
        return [(function.get("name"), extra)]
    calls = objects_of(message, "toolCallList") or objects_of(message, "toolCalls")
    if len(calls) > MOST_CALLS:
        raise Invalid(f"message.toolCallList must contain no more than {MOST_CALLS} elements")
    found = list[Part]()
    for call in calls:
        name = object_of(call, "function").get("name") or call.get("name")
        found.append((name, {**extra, **_only(message, call.get("id")), "toolCallList": [call]}))
    return found


def _only(message: Json, call_id: object) -> JsonDict:
    """The message's lists, with what is of this tool call."""
    found: JsonDict = {}
    for name in TOOL_LISTS:
        given = objects_of(message, name)
        kept = [e for e in given if call_id in (e.get("id"), object_of(e, "toolCall").get("id"))]
        if given:
            found[name] = requests.without_secrets(kept)
    return found


def _body(reply: Reply) -> JsonDict:
    try:
        body = foreign_json.parse(reply.body)
    except ValueError:
        return {}
    return dict(body) if isinstance(body, Mapping) else {}


def _results(reply: Reply, calls: list[Json]) -> list[JsonDict]:
    """One for each tool call: the upstream gets an error rather than nothing."""
    body = _body(reply)
    ids = [each.get("id") for each in calls]
    given = objects_of(body, "results")
    if not given and not reply.error:
        text = body.get("result", reply.body.decode(errors="replace"))
        given = [{"toolCallId": call_id, "result": text} for call_id in ids[:1]]
    error = reply.error or text_of(body, "error") or "the server gave no result for this call"
    return [_result(given, call_id) or {"toolCallId": call_id, "error": error} for call_id in ids]


def _result(given: list[Json], call_id: object) -> JsonDict | None:
    return next((dict(each) for each in given if each.get("toolCallId") == call_id), None)
