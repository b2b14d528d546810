"""What an upstream is asked for: the call that it gets, and the assistant in it. Pure.

An upstream is Vapi, or another server with its API. It talks, and this installation has the leg.
https://docs.vapi.ai/api-reference/calls/create
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.assistant import upstream_transfer
from app.domain.assistant.config import FINAL_TRANSCRIPT, AssistantConfig
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.secrets import split_secrets
from app.vendors.common.account import VendorAccount
from app.vendors.vapi import MISSING, is_installed
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

BACKEND = "vapi"
"""The backend, and the provider of the account."""
NUMBER = "phoneNumberId"
STATUS, REPORT, CONVERSATION = "status-update", "end-of-call-report", "conversation-update"
TAKEN = frozenset({STATUS, REPORT, CONVERSATION})
"""Messages that this installation needs."""
ASKED = frozenset(
    {
        "function-call",
        "handoff-destination-request",
        "knowledge-base-request",
        "tool-calls",
        "transfer-destination-request",
    }
)
"""Messages that the owner's server answers."""
PASSED = frozenset(
    {
        "hang",
        "language-change-detected",
        "model-output",
        "speech-update",
        "transcript",
        "user-interrupted",
        "voice-input",
    }
)
"""Messages that the owner's server gets as they are, beside ``conversation-update``."""
SERVER_SECONDS = 20
"""Of one request of the upstream to this installation, which asks the owner's server meanwhile."""
OURS = frozenset(
    {
        "id",
        "orgId",
        "createdAt",
        "updatedAt",
        "transport",
        "credentialIds",
        "server",
        "serverUrl",
        "serverUrlSecret",
        "serverMessages",
        "clientMessages",
        "variableValues",
        "tools:append",
    }
)
"""Fields of an assistant that mean something here only, or are sent otherwise."""
OWN_IDS = {"model": ("toolIds", "knowledgeBaseId"), "artifactPlan": ("structuredOutputIds",)}
"""Ids of this installation, which the upstream does not know."""
TOOLS_OWN = frozenset({"id", "orgId", "createdAt", "updatedAt", "server"})
"""Fields of a function that stay here: the upstream asks this installation, which asks ``server``."""
FUNCTION = "function"
NO_TRANSFER = "an upstream transfers to numbers and SIP addresses of `destinations` only"
WAITS = {"firstMessageMode": "assistant-waits-for-user"}
"""Of an assistant that goes on: it does not greet again."""
CUSTOMER = ("number", "name", "extension", "sipUri")
LEG_GONE = frozenset(
    {
        EndedReason.CUSTOMER_ENDED_CALL,
        EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET,
        EndedReason.NO_CALL_RECEIVED,
        EndedReason.ASSISTANT_JOIN_TIMED_OUT,
    }
)
"""What an upstream says of a stream that it has lost. The leg itself is up here."""
BY_ASSISTANT = (
    "assistant-said-message-with-end-call-enabled",
    "assistant-ended-call-with-hangup-task",
    "assistant-ended-call-after-message-spoken",
)
"""Newer words for ``assistant-ended-call``. https://docs.vapi.ai/calls/call-ended-reason"""


@dataclass(frozen=True, slots=True)
class Request:
    """What the call at the upstream is made of."""

    assistant: AssistantConfig
    """With its secrets, its templates rendered."""
    account: VendorAccount
    call_id: str
    """Of our call."""
    customer: JsonObject
    server_url: str
    """Where the upstream sends its messages."""
    earlier: Sequence[Mapping[str, str]] | None = None
    """The conversation before, OpenAI's messages. None: it begins."""

    def body(self) -> JsonDict:
        """The body of ``POST /call`` at the upstream."""
        transport = object_of(self.assistant.json, "transport")
        stored = text_of(transport, "assistantId")
        number = text_of(transport, NUMBER) or self.account.extra.get(NUMBER)
        changed = {
            "server": {"url": self.server_url, "timeoutSeconds": SERVER_SECONDS},
            "serverMessages": sorted(self._messages()),
            **({} if self.earlier is None else WAITS),
        }
        values = self.assistant.variable_values
        overrides = {**changed, **({"variableValues": dict(values)} if values else {})}
        assistant = (
            {"assistantId": stored, "assistantOverrides": overrides}
            if stored
            else {"assistant": {**sent(self.assistant.json, self.earlier or ()), **changed}}
        )
        customer = {name: self.customer[name] for name in CUSTOMER if self.customer.get(name)}
        return {
            "phoneCallProviderBypassEnabled": True,
            "name": self.call_id,
            **({NUMBER: number} if number else {}),
            **({"customer": customer} if customer else {}),
            **assistant,
        }

    def _messages(self) -> set[str]:
        wanted = self.assistant.server_messages
        asked = {"tool-calls", *(wanted & (ASKED | PASSED | {FINAL_TRANSCRIPT}))}
        return {*TAKEN, *asked}


def sent(assistant: Json, earlier: Sequence[Mapping[str, str]] = ()) -> JsonDict:
    """The assistant as the upstream gets it. ``earlier``: what it has said and heard."""
    kept: JsonDict = {name: each for name, each in assistant.items() if name not in OURS}
    for holder, names in OWN_IDS.items():
        inner = kept.get(holder)
        if isinstance(inner, Mapping):
            kept[holder] = {name: each for name, each in inner.items() if name not in names}
    if "credentials" in kept:
        others = objects_of(kept, "credentials")
        kept["credentials"] = [each for each in others if each.get("provider") != BACKEND]
    model = kept.get("model")
    if isinstance(model, Mapping):
        kept["model"] = {**model, **_tools(model), **_messages(model, earlier)}
    return kept


def _tools(model: Json) -> JsonDict:
    given = objects_of(model, "tools")
    if not given:
        return {}
    others = [_tool(each) for each in given if each.get("type") != upstream_transfer.TOOL]
    moved = [each for each in given if each.get("type") == upstream_transfer.TOOL]
    return {"tools": [*others, *upstream_transfer.function(moved)]}


def _messages(model: Json, earlier: Sequence[Mapping[str, str]]) -> JsonDict:
    said = [dict(each) for each in earlier if each.get("role") != "system"]
    return {"messages": [*objects_of(model, "messages"), *said]} if said else {}


def _tool(tool: Json) -> JsonDict:
    """A function loses its server and that server's secrets. Other types keep theirs."""
    if tool.get("type") != FUNCTION:
        return dict(tool)
    return {name: each for name, each in tool.items() if name not in TOOLS_OWN}


def server_of_tool(assistant: AssistantConfig, name: object) -> JsonObject | None:
    """The own server of a function, with its secrets; None: the call's server is asked."""
    for tool in objects_of(object_of(assistant.json, "model"), "tools"):
        if object_of(tool, "function").get("name") == name:
            server = object_of(tool, "server")
            return dict(server) if server.get("url") else None
    return None


def without_secrets(tools: object) -> object:
    """Tools of a message as the owner's server may see them."""
    return split_secrets({"tools": tools})[0]["tools"]


def account_problem(account: VendorAccount, own_url: str) -> str | None:
    """Why no call can be made with it, as a clause. ``own_url``: of this installation."""
    if not account.key:
        return "set VAPI_API_KEY, or store a credential of `vapi`"
    if account.url and _host(account.url) == _host(own_url):
        return "VAPI_BASE_URL is this installation itself, which would call itself without an end"
    return None if is_installed() else MISSING


def _host(url: str) -> tuple[str, int | None]:
    """The name and port, those of ``http`` and ``https`` taken as one: either leads here."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip("."), None if parts.port in (80, 443) else parts.port
    except ValueError:
        return url, None


def problems(
    account: VendorAccount, own_url: str, assistant: Json
) -> Iterator[tuple[str, str, bool]]:
    """Path, clause and whether a call fails by it, for each thing that cannot be done."""
    if problem := account_problem(account, own_url):
        yield "transport.provider", problem, True
    for number, tool in enumerate(objects_of(object_of(assistant, "model"), "tools")):
        is_transfer = tool.get("type") == upstream_transfer.TOOL
        if is_transfer and not upstream_transfer.destinations([tool]):
            yield f"model.tools.{number}.type", NO_TRANSFER, False


def reason_of(word: object) -> tuple[EndedReason, str | None]:
    """Our ended reason for an upstream's, while the leg is up; and what to tell beside it."""
    told = word if isinstance(word, str) and word else "no reason"
    try:
        reason = EndedReason(told)
    except ValueError:
        reason = EndedReason.ASSISTANT_ERROR
        if told in BY_ASSISTANT:
            reason = EndedReason.ASSISTANT_ENDED_CALL
        return reason, f"The upstream ended its call: {told[:100]}."
    if reason in LEG_GONE:
        return EndedReason.ASSISTANT_ERROR, f"The upstream lost the stream, and says: {told}."
    return reason, None
