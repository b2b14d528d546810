"""Each ended reason as a sentence for people, with what to do about it.

A reason of a carrier or a vendor is found by its form: no company is named in this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from providers.events import EndedReason as R


class Told(NamedTuple):
    """``kind``: good: as it should be; warn: look at it; bad: something failed."""

    sentence: str
    advice: str = ""
    kind: str = "good"


TEXTS: Mapping[str, Told] = {
    R.ASSISTANT_ENDED_CALL: Told("The assistant hung up."),
    R.ASSISTANT_SAID_END_CALL_PHRASE: Told("The assistant said its closing phrase and hung up."),
    R.ASSISTANT_FORWARDED_CALL: Told("The assistant transferred the caller."),
    R.CUSTOMER_ENDED_CALL: Told("The other party hung up."),
    R.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER: Told(
        "Your server had the call forwarded without an assistant."
    ),
    R.CALL_RINGING_HOOK_EXECUTED_SAY: Told(
        "A hook of the number spoke to the caller instead of an assistant."
    ),
    R.CALL_RINGING_HOOK_EXECUTED_TRANSFER: Told(
        "A hook of the number had the call forwarded without an assistant."
    ),
    R.CALL_ENDING_HOOK_EXECUTED_SAY: Told(
        "Your server named no assistant, and a hook of the number spoke to the caller.",
        "Look at the server's answer to the assistant-request.",
        "warn",
    ),
    R.CALL_ENDING_HOOK_EXECUTED_TRANSFER: Told(
        "Your server named no assistant, and a hook of the number had the call forwarded.",
        "Look at the server's answer to the assistant-request.",
        "warn",
    ),
    R.MANUALLY_CANCELED: Told(
        "The call was ended by the API, by this dashboard or at the carrier."
    ),
    R.CUSTOMER_BUSY: Told("The line was busy.", "Call again later.", "warn"),
    R.CUSTOMER_DID_NOT_ANSWER: Told("The phone was not answered.", "Call again later.", "warn"),
    R.VOICEMAIL: Told(
        "A voicemail box answered.",
        "To leave a message there, set voicemailMessage in the assistant.",
        "warn",
    ),
    R.SILENCE_TIMED_OUT: Told(
        "Neither side spoke for too long.",
        "If callers need longer, raise silenceTimeoutSeconds. If they spoke and were not heard, "
        "look at the transcriber.",
        "warn",
    ),
    R.EXCEEDED_MAX_DURATION: Told(
        "The call reached its longest duration.",
        "If that was too soon, raise maxDurationSeconds.",
        "warn",
    ),
    R.NO_CALL_RECEIVED: Told(
        "The call was created, but no phone leg came.",
        "Look whether your flow uses the answer of the create request, and whether the carrier "
        "reaches PUBLIC_URL.",
        "warn",
    ),
    R.ASSISTANT_ERROR: Told(
        "The assistant failed.",
        "The log names the failure. Run patchbay doctor to check its vendors.",
        "bad",
    ),
    R.ASSISTANT_NOT_FOUND: Told(
        "The assistant of this call does not exist.",
        "Correct assistantId at the number, in the request or in your server's answer.",
        "bad",
    ),
    R.ASSISTANT_NOT_INVALID: Told(
        "The assistant was not valid any more when the call arrived.",
        "Save the assistant again: the answer says which field is refused.",
        "bad",
    ),
    R.ASSISTANT_NOT_PROVIDED: Told(
        "The number has no assistant, and no server to ask for one.",
        "Give the number an assistantId or a server URL.",
        "bad",
    ),
    R.ASSISTANT_REQUEST_RETURNED_ERROR: Told(
        "Your server answered the assistant-request with an error, or not in time.",
        "Look at the server's log. It has 7.5 seconds to answer.",
        "bad",
    ),
    R.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT: Told(
        "Your server answered the assistant-request with an assistant that is not valid.",
        "Create the same assistant by the API: the answer says which field is refused.",
        "bad",
    ),
    R.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT: Told(
        "Your server answered the assistant-request without an assistant.",
        "It must answer with assistantId, assistant, destination or error.",
        "bad",
    ),
    R.ASSISTANT_JOIN_TIMED_OUT: Told(
        "The phone leg was up, but the assistant never joined.",
        "The carrier must open a websocket to PUBLIC_URL or MEDIA_URL: look whether a proxy or "
        "firewall is in the way.",
        "bad",
    ),
    R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET: Told(
        "The carrier's media connection was lost.",
        "Look at the network between the carrier and this server, and at proxies with timeouts.",
        "bad",
    ),
    R.NO_SERVER_AVAILABLE: Told(
        "No process had room for the call.",
        "Raise MAX_CONCURRENT_CALLS or MAX_CALLS_PER_PROCESS, or add a process.",
        "bad",
    ),
    R.SERVER_SHUTDOWN: Told(
        "A process stopped during the call.",
        "Give deploys more time with DRAIN_SECONDS, or run two processes.",
        "bad",
    ),
    R.DB_ERROR: Told(
        "The database was lost during the call.", "Look at the database's log and disk.", "bad"
    ),
    R.UNKNOWN_ERROR: Told(
        "The call is over, and nothing said why.",
        "Look at the call's events, and at the call in the carrier's console.",
        "bad",
    ),
    R.PIPELINE_NO_AVAILABLE_LLM_MODEL: Told(
        "No model could be used: none is configured, or all failed.",
        "Check the model's key with patchbay doctor, and give the assistant fallbackModels.",
        "bad",
    ),
    R.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED: Told(
        "Your own model's server failed.", "Look at its log and at the URL of the model.", "bad"
    ),
    R.PIPELINE_ERROR_FUNCTION_FAILED: Told(
        "A tool's server failed twice in a row.",
        "Look at the server of the tool; the call's messages have its answers.",
        "bad",
    ),
    R.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED: Told(
        "The keypad or the transfer failed twice in a row.",
        "Look whether the destination may be dialled, and at the carrier's console.",
        "bad",
    ),
    R.PIPELINE_ERROR_FIRST_MESSAGE_FAILED: Told(
        "The assistant's first words could not be spoken.",
        "Check the voice and its key with patchbay doctor.",
        "bad",
    ),
    R.PIPELINE_ERROR_FUNCTION_FILLER_FAILED: Told(
        "The words for the time of a tool could not be spoken.",
        "Check the voice and its key with patchbay doctor.",
        "bad",
    ),
}

FORMS: tuple[tuple[str, Told], ...] = (
    (
        "-microphone-permission",
        Told(
            "The browser was not allowed to use the microphone.",
            "Allow the microphone for this site, and call again.",
            "warn",
        ),
    ),
    (
        "-quota-exceeded",
        Told("The voice's account has nothing left.", "Top the vendor's account up.", "bad"),
    ),
    (
        "-voice-not-found",
        Told("The vendor does not know this voice.", "Correct voiceId in the assistant.", "bad"),
    ),
    (
        "-llm-failed",
        Told(
            "The model failed, and its retries were spent.",
            "Check its key with patchbay doctor, and give the assistant fallbackModels.",
            "bad",
        ),
    ),
    (
        "-voice-failed",
        Told(
            "The voice failed, and its retries were spent.",
            "Check its key with patchbay doctor, and give the assistant a fallbackPlan.",
            "bad",
        ),
    ),
    (
        "-transcriber-failed",
        Told(
            "The transcriber failed, and its retries were spent.",
            "Check its key with patchbay doctor, and give the assistant a fallbackPlan.",
            "bad",
        ),
    ),
    (
        "-failed-to-connect-call",
        Told(
            "The carrier could not connect the call.",
            "Look at the call in the carrier's console: it has the cause.",
            "bad",
        ),
    ),
    (
        "-rejected",
        Told(
            "The carrier or the other party rejected the call.",
            "Look at the number and at the call in the carrier's console.",
            "warn",
        ),
    ),
    (
        "-disconnected",
        Told(
            "The carrier dropped the call without being asked.",
            "Look at the call in the carrier's console.",
            "bad",
        ),
    ),
)
"""How the value of a reason ends, for reasons that this room does not name."""


def told(reason: str | None) -> Told | None:
    """None without a reason. A reason of a later version is told by its own words."""
    if not reason:
        return None
    known = TEXTS.get(reason)
    by_form = next((text for form, text in FORMS if reason.endswith(form)), None)
    return known or by_form or Told(f"It ended as {reason}.", kind="warn")
