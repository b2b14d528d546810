"""The built-in tool that sends a text message, by the call's carrier and account.

https://docs.vapi.ai/tools/default-tools
"""

from __future__ import annotations

from app.assistants.local.tools.run import Outcome, Run, ToolFailed
from app.domain.assistant.fields import object_of, text_of
from app.domain.legs.carrier_tools import TextMessage

# Characters of one message: ten parts, the most that carriers take.
MOST_TEXT = 1530
# Where a model may put the text and the number, by the assistant's own parameters.
TEXTS = ("content", "message", "text", "body", "sms")
NUMBERS = ("to", "phoneNumber", "number", "toNumber")


async def send(run: Run) -> Outcome:
    """Send it to the customer, or to the number that the model names. Raises ``ToolFailed``."""
    text, to = _first(run, TEXTS), _first(run, NUMBERS)
    if not text:
        raise ToolFailed("the message has no text")
    if len(text) > MOST_TEXT:
        raise ToolFailed(f"the message is longer than {MOST_TEXT} characters")
    from_ = run.render(text_of(object_of(run.tool.json, "metadata"), "from"))
    problem = await run.call_context.send_text(TextMessage(text, to or None, from_ or None))
    if problem:
        raise ToolFailed(problem)
    return Outcome("The message was sent.")


def _first(run: Run, names: tuple[str, ...]) -> str:
    found = (text_of(run.arguments, name).strip() for name in names)
    return next(filter(None, found), "")
