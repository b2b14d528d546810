"""What a person does to a call: say, speak, mute, transfer, end, and resend its server messages."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request

from app.dashboard.table import Page, go, session
from app.domain.errors import Invalid
from app.routes.errors import ApiError
from app.routes.validation import reply, services
from providers.common.json_types import JsonDict

MOST_SAID = 1_000


def _say(text: str) -> JsonDict:
    return {"type": "say", "content": text, "interruptAssistantEnabled": True}


def _transfer(text: str) -> JsonDict:
    number = text.replace(" ", "")
    kind = "sip" if number.startswith("sip:") else "number"
    field = "sipUri" if kind == "sip" else "number"
    return {"type": "transfer", "destination": {"type": kind, field: number}}


def _whisper(text: str) -> JsonDict:
    """The assistant knows it and does not answer it: the caller hears nothing."""
    message = {"role": "system", "content": text}
    return {"type": "add-message", "message": message, "triggerResponseEnabled": False}


def _plain(word: str) -> Callable[[str], JsonDict]:
    return lambda text: {"type": "control", "control": word}


ACTIONS: dict[str, tuple[Callable[[str], JsonDict], bool, str]] = {
    "say": (_say, True, "The assistant says it."),
    "whisper": (_whisper, True, "The assistant knows it. The caller has not heard it."),
    "transfer": (_transfer, True, "The call is being transferred."),
    "mute": (_plain("mute-assistant"), False, "The assistant is muted."),
    "unmute": (_plain("unmute-assistant"), False, "The assistant is heard again."),
    "mute-caller": (_plain("mute-customer"), False, "The assistant no longer hears the caller."),
    "unmute-caller": (_plain("unmute-customer"), False, "The assistant hears the caller again."),
    "end": (lambda text: {"type": "end-call"}, False, "The call is being ended."),
}
"""Name of a button -> the control message, whether it needs a text, and what the page says after it."""


def control(call_id: str) -> Response:
    """Raises ``ApiError``, ``Invalid``."""
    chosen = ACTIONS.get(request.form.get("action", ""))
    if chosen is None:
        raise ApiError(400, f"action must be one of: {', '.join(ACTIONS)}")
    made, needs_text, told = chosen
    text = request.form.get("text", "").strip()
    if needs_text and not text:
        raise Invalid("Write something first: the field was empty.")
    if len(text) > MOST_SAID:
        raise Invalid(f"At most {MOST_SAID} characters are said at once.")
    services().calls.control(session().org_id, call_id, None, made(text))
    return go(f"/calls/{call_id}", told)


def supervise(call_id: str) -> Response:
    """Where this browser's microphone speaks to the caller. The answer is JSON, or ``problem``."""
    try:
        made = services().calls.supervise(session().org_id, call_id, None)
    except Invalid as error:
        return reply({"problem": " ".join(error.sentences)}, 400)
    return reply(made)


def resend(call_id: str, message_id: str) -> Response:
    """Send one message again."""
    services().calls.resend(session().org_id, call_id, message_id)
    return go(f"/calls/{call_id}", "The message is sent again.")


def resend_all(call_id: str) -> Response:
    """Send every failed message of the call again."""
    count = services().messages.resend_failed_of(session().org_id, call_id)
    return go(f"/calls/{call_id}", f"{count} messages are sent again.")


PAGES = (
    Page("/calls/<call_id>/control", control, methods=("POST",)),
    Page("/calls/<call_id>/supervise", supervise, methods=("POST",)),
    Page("/calls/<call_id>/messages/resend", resend_all, methods=("POST",)),
    Page("/calls/<call_id>/messages/<message_id>/resend", resend, methods=("POST",)),
)
