"""What of Vapi's API is served here: the table behind docs/compatibility.md.

Names are those of Vapi's OpenAPI document. ``tests/routes/test_compatibility.py`` compares them
with the code, and with that document where it is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.domain.assistant.served_fields import ROWS, TOOL_TYPES, Fate, Row
from app.routes.schemas.not_served import NOT_SERVED
from app.vendors import registry
from providers.events import EndedReason

CRUD = ("POST {0}", "GET {0}", "GET {0}/{{id}}", "PATCH {0}/{{id}}", "DELETE {0}/{{id}}")
SERVED = [
    *(
        each.format(path)
        for path in (
            "/call",
            "/assistant",
            "/squad",
            "/phone-number",
            "/structured-output",
            "/tool",
            "/file",
        )
        for each in CRUD
    ),
    "POST /analytics",
    "GET /v2/phone-number",
    "GET /call/{id}/mono-recording",
    "GET /call/{id}/stereo-recording",
    "GET /call/{id}/customer-recording",
    "GET /call/{id}/assistant-recording",
]
"""Vapi's requests that are answered."""

NOT_SERVED_PATHS: Mapping[str, str] = {
    "GET /call/{id}/video-recording": "no video",
    "GET /call/{id}/pcap": "carriers do not provide packet captures",
    "GET /call/{id}/call-logs": "`GET /call/{id}/events` is the log",
    "POST /structured-output/run": "outputs are extracted after a call's end, once",
}
"""Requests of the families that are served in part."""

NOT_SERVED_FAMILIES: Mapping[str, str] = {
    "chat": "calls only",
    "campaign": "calls are made one by one",
    "v2/campaign": "calls are made one by one",
    "v2/knowledge-base": "the assistant's part",
    "session": "calls only",
    "eval": "the assistant's part; the list is empty",
    "reporting": "`/metrics`, and your own database",
    "observability": "`/metrics`",
    "provider": "no resources of voice providers are kept",
}
"""First part of the path -> why none of the family is answered."""

CREATE_CALL: Mapping[str, str] = {
    "assistant": "any field is kept; see [API](api.md#creating-one)",
    "assistantId": "",
    "assistantOverrides": "merged into the assistant, objects field by field",
    "customer": "",
    "customerId": "of `/customer`, which Vapi has never published",
    "customers": "at most 100",
    "name": "",
    "phoneNumber": "Vapi's is Twilio's only; Vonage's fields are accepted here too",
    "phoneNumberId": "decides the carrier",
    "schedulePlan": "not in bypass mode",
    "squad": "at most 50 members, without `assistantVersion`",
    "squadId": "",
    "squadOverrides": "for every member; so are `assistantOverrides`",
    "transport": "`vapi.websocket`; a phone call's transport is its number's",
}
"""Accepted fields of today's ``CreateCallDTO``, each with what is peculiar."""

CREATE_CALL_OLDER: Mapping[str, str] = {
    "maxDurationSeconds": "of the older page; today it is a field of the assistant, which works too",
    "metadata": "of the older page, and still accepted by Vapi",
    "phoneCallProviderBypassEnabled": "of the older page; works at Vapi, undocumented",
    "type": "of the older page; `webCall` is as `POST /call/web`",
    "sipEnabled": "of the older page's web calls",
    "phoneCallProviderReturnUrl": "ours",
}
"""Accepted fields that ``CreateCallDTO`` does not show."""

CUSTOMER_REFUSED: Mapping[str, str] = {}
NUMBER_REFUSED: Mapping[str, str] = {
    "twilioApiKey": "webhooks are verified with the auth token: give it, or `credentialId`",
    "twilioApiSecret": "webhooks are verified with the auth token: give it, or `credentialId`",
    "workflowId": NOT_SERVED["workflowId"],
}
"""Refused fields of the objects within: ``customer``, ``phoneNumber``."""

CALL: Mapping[str, str] = {
    "id": "",
    "orgId": "",
    "createdAt": "",
    "updatedAt": "",
    "type": "",
    "status": "never `not-found`, `deletion-failed`",
    "endedReason": "see below",
    "endedMessage": "",
    "startedAt": "",
    "endedAt": "",
    "cost": "USD",
    "costBreakdown": "",
    "costs": "our own fields: `told` (the carrier's amount and currency), `stream`, `priceKnown`",
    "messages": "",
    "analysis": "`summary`, `structuredData`, `successEvaluation`",
    "artifact": "`messages`, `messagesOpenAIFormatted`, `transcript`, `recordingUrl`, `stereoRecordingUrl`, `recording`, `structuredOutputs`, `skippedStructuredOutputs`, `structuredOutputsLastUpdatedAt`, `variableValues`, `transfers`, `assistantActivations`, `performanceMetrics` (not `fromTransportLatencyAverage`)",
    "destination": "",
    "phoneCallProvider": "`twilio`, `vonage`",
    "phoneCallTransport": "",
    "phoneCallProviderId": "Twilio's call sid, Vonage's conversation; as soon as a leg is known",
    "monitor": "`controlUrl` (not `send-transport-message`), none with `controlEnabled: false`; `listenUrl` until the call's end, none with the backend `stream`",
    "assistantId": "",
    "assistant": "as sent, secrets left out",
    "assistantOverrides": "as sent, secrets left out",
    "customerId": "",
    "customer": "",
    "phoneNumberId": "",
    "phoneNumber": "as sent, secrets left out (Vapi repeats `twilioAuthToken`)",
    "name": "",
    "schedulePlan": "",
    "squad": "as sent, secrets left out",
    "squadId": "",
    "squadOverrides": "as sent, secrets left out",
    "transport": "of websocket calls; else `phoneCallProvider` and `phoneCallTransport`",
}
"""Fields of today's ``Call`` that are served."""

CALL_ABSENT: Mapping[str, str] = {
    "artifactPlan": "is part of `assistant`",
    "assistantVersion": NOT_SERVED["assistantVersion"],
    "campaignId": "calls are made one by one",
    "compliance": "the assistant's part",
    "workflow": NOT_SERVED["workflow"],
    "workflowId": NOT_SERVED["workflowId"],
    "workflowOverrides": NOT_SERVED["workflowOverrides"],
}

CALL_OLDER: Mapping[str, str] = {
    "maxDurationSeconds": "",
    "metadata": "",
    "transcript": "Vapi still sends it, undocumented",
    "recordingUrl": "Vapi still sends it, undocumented; good for an hour, 24 in the report",
    "stereoRecordingUrl": "the customer is on the left",
    "customerRecordingUrl": "one side of the stereo recording",
    "assistantRecordingUrl": "the other side",
    "inboundPhoneCallDebuggingArtifacts": "beside the `status-update` that has it at Vapi",
    "summary": "Vapi still sends it, undocumented",
    "forwardedPhoneNumber": "",
    "phoneCallProviderBypassEnabled": "",
    "phoneCallProviderDetails": "Vapi never showed Vonage's",
    "phoneCallProviderReturnUrl": "ours",
    "webCallUrl": "a page of this server; Vapi's is a room of another company",
    "webCallSipUri": "with `sipEnabled`, where a carrier's SIP domain is set",
    "queue": "ours, while the leg waits for a slot ([queue](queue.md))",
    "subscriptionLimits": "in the answer of `POST /call`, where there is a limit",
}
"""Served fields that today's ``Call`` does not show: the older page's, and ours."""

GONE_REASONS = (
    EndedReason.ASSISTANT_ERROR,
    EndedReason.DB_ERROR,
    EndedReason.NO_SERVER_AVAILABLE,
    EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED,
    EndedReason.PIPELINE_ERROR_FIRST_MESSAGE_FAILED,
    EndedReason.PIPELINE_ERROR_FUNCTION_FILLER_FAILED,
    EndedReason.PIPELINE_ERROR_FUNCTION_FAILED,
    EndedReason.PIPELINE_ERROR_NEETS_VOICE_FAILED,
    EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL,
    EndedReason.SERVER_SHUTDOWN,
    EndedReason.UNKNOWN_ERROR,
    EndedReason.ASSISTANT_NOT_INVALID,
    EndedReason.ASSISTANT_NOT_PROVIDED,
)
"""Of the older page, and not in today's enumeration. The SDKs hand them on as strings."""

NOTICE = "<!-- Written by `make docs`; change `docs/compatibility.py` instead. -->"


def page() -> str:
    """docs/compatibility.md."""
    served = dict.fromkeys(SERVED, "")
    families = {f"/{name}": why for name, why in NOT_SERVED_FAMILIES.items()}
    refused = {name: NOT_SERVED[name] for name in sorted(NOT_SERVED)}
    parts = [
        NOTICE,
        "# Compatibility",
        "",
        "Patchbay compared with Vapi's OpenAPI document of August 2026, and with the older “Create Phone Call”",
        "page, whose fields are served too. A refusal names the field and the reason given here. `/customer`,",
        "`/credential` and some requests about a call ([API](api.md)) are our own. `GET /v2/call` is not in",
        "the document, and is served for the SDK that has it.",
        "",
        *_table("Requests", "request", ("yes", served), ("no", NOT_SERVED_PATHS), ("no", families)),
        *_table(
            "Fields of `POST /call`",
            "field",
            ("yes", CREATE_CALL),
            ("yes, unshown", CREATE_CALL_OLDER),
            ("no", refused),
        ),
        "Of the objects in these fields the following are refused, and all others accepted:",
        "",
        *_table(
            "",
            "field",
            ("no", _prefixed("customer", CUSTOMER_REFUSED)),
            ("no", _prefixed("phoneNumber", NUMBER_REFUSED)),
        ),
        *_table(
            "Fields of a Call",
            "field",
            ("yes", CALL),
            ("yes, unshown", CALL_OLDER),
            ("no", CALL_ABSENT),
        ),
        "A field without a value yet is absent, never null.",
        "",
        *_assistant(),
        "## endedReason",
        "",
        "The 56 values of the older page, and five of the newer ([meanings](ended-reasons.md)). Vapi's current",
        "enumeration lacks these of them:",
        "",
        *(f"- `{reason}`" for reason in GONE_REASONS),
        "",
        "## SDKs and programs",
        "",
        "These SDKs work unmodified and are tested, with all of `calls`, `assistants`, `phone_numbers`, `squads` and",
        "`tools` above, and `analytics`:",
        "Python (`vapi_server_sdk` 1.9 and 3.0) and TypeScript (`@vapi-ai/server-sdk` 2.0). The flag for",
        'bypass has no parameter of its own there: `request_options={"additional_body_parameters":',
        '{"phoneCallProviderBypassEnabled": True}}` in Python, one more property in TypeScript. The newer',
        "two retry a request after 408, 429 and 5xx: give them an `Idempotency-Key`.",
        "",
        "So do every tool of Vapi's MCP server (`@vapi-ai/mcp-server`), and a Twilio function under `twilio-run` that lends",
        "its leg. The requests of Vapi's gitops and of better-vapi-cli are recorded and played.",
        "",
    ]
    return "\n".join(parts)


def _assistant() -> Iterable[str]:
    """The table that checks an assistant, as pages."""
    yield from (
        "## Fields of an assistant",
        "",
        "Every field is stored and returned. `patchbay check FILE` says this of a file's assistant, with what",
        "this installation has; `GET /assistant/{id}/check` of a stored one. A row holds for the fields below it.",
        "",
    )
    yield from _table("", "field", *((_word(row), {path: row.why}) for path, row in ROWS.items()))
    yield from _table(
        "", "type of a tool", *((_word(row), {name: row.why}) for name, row in TOOL_TYPES.items())
    )
    yield from (
        "Further fields are those of one vendor:",
        "",
        "| vendor | of | served |",
        "| --- | --- | --- |",
    )
    for name, vendor in registry.VENDORS.items():
        for stage in ("model", "transcriber", "voice"):
            part = vendor.part(stage)
            if part and part.fields:
                yield f"| `{name}` | `{stage}` | {', '.join(f'`{each}`' for each in part.fields)} |"
    yield ""


def _word(row: Row) -> str:
    return {Fate.SERVED: "yes", Fate.MAPPED: "yes, mapped"}.get(row.fate, "no")


def _prefixed(name: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}.{field}": why for field, why in fields.items()}


def _table(title: str, what: str, *groups: tuple[str, Mapping[str, str]]) -> Iterable[str]:
    if title:
        yield from (f"## {title}", "")
    yield from (f"| {what} | served | |", "| --- | --- | --- |")
    for served, rows in groups:
        yield from (f"| `{name}` | {served} | {note} |" for name, note in rows.items())
    yield ""
