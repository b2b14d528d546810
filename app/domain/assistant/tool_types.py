"""The types of tools: which are served, and why the others are not. Pure."""

from __future__ import annotations

from collections.abc import Mapping

SERVED = frozenset(
    {
        "function",
        "apiRequest",
        "endCall",
        "transferCall",
        "dtmf",
        "voicemail",
        "sms",
        "mcp",
        "query",
        "handoff",
    }
)

OF_OPERATORS = frozenset({"transferSuccessful", "transferCancel"})
"""Those of the assistant that talks with a transfer's operator, which always has both."""
NOT_OF_OPERATORS: Mapping[str, str] = {
    "transferCall": "the operator of a transfer is not transferred",
    "handoff": "the operator of a transfer is not handed over",
}
"""Types that this assistant is not offered -> why, as the end of a sentence."""

GOOGLE = "Google is not connected here: use a function, an apiRequest or an MCP server"
SLACK = "Slack is not connected here: use a function, an apiRequest or an MCP server"
LEAD_CONNECTOR = "GoHighLevel is not connected here: use an apiRequest with its API"
COMPUTER = "no computer is controlled here"

# Vapi's other types -> why a model is not offered such a tool, as the end of a sentence.
NOT_SERVED: Mapping[str, str] = {
    "bash": COMPUTER,
    "code": "no code of clients is run here: use a function or an apiRequest",
    "computer": COMPUTER,
    "ghl": LEAD_CONNECTOR,
    "gohighlevel.calendar.availability.check": LEAD_CONNECTOR,
    "gohighlevel.calendar.event.create": LEAD_CONNECTOR,
    "gohighlevel.contact.create": LEAD_CONNECTOR,
    "gohighlevel.contact.get": LEAD_CONNECTOR,
    "google.calendar.availability.check": GOOGLE,
    "google.calendar.event.create": GOOGLE,
    "google.sheets.row.append": GOOGLE,
    "make": "Make is not connected here: use a function with the scenario's webhook, or MCP",
    "output": "it has an effect in chats only",
    "sipRequest": "the carrier's legs take no SIP requests",
    "slack.message.send": SLACK,
    "textEditor": COMPUTER,
}

KNOWN = SERVED | NOT_SERVED.keys()


def operators_problem(given: object) -> str | None:
    """The same as ``problem``, for the assistant that talks with an operator."""
    if isinstance(given, str) and given in NOT_OF_OPERATORS:
        return f"type {given} has no effect: {NOT_OF_OPERATORS[given]}"
    return None if given in OF_OPERATORS else problem(given)


def problem(given: object) -> str | None:
    """Why a tool of this type is not offered to a model, as a sentence; None if it is."""
    if not isinstance(given, str) or given not in KNOWN:
        return f"type must be one of the following values: {', '.join(sorted(SERVED))}"
    return f"type {given} has no effect: {NOT_SERVED[given]}" if given in NOT_SERVED else None
