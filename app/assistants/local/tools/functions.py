"""A function on the client's server. https://docs.vapi.ai/tools/custom-tools"""

from __future__ import annotations

from dataclasses import replace

from app.assistants.local.tools.definitions import Message
from app.assistants.local.tools.questions import question
from app.assistants.local.tools.replies import read_refusal, read_reply
from app.assistants.local.tools.request_schema import static_values
from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run, ToolFailed


async def ask(run: Run) -> Outcome:
    """Ask the tool's own server, or the assistant's. Raises ``ToolFailed``."""
    tool, server, seconds = run.tool, None, SERVER_SECONDS
    arguments = {**run.arguments, **static_values(tool.json, run.render)}
    if tool.server is not None:
        server = tool.server.asked
        seconds = float(tool.server.policy.get("timeoutSeconds") or SERVER_SECONDS)
    kind, extra = question(tool, run.call_id, arguments)
    reply = await run.call_context.request(kind, extra, seconds, server)
    try:
        outcome = (
            read_reply(reply.body, run.call_id)
            if reply.error is None
            else read_refusal(reply.error, reply.body, run.call_id)
        )
    except ToolFailed as failure:
        failure.message = _filled(run, failure.message)
        raise
    return replace(outcome, message=_filled(run, outcome.message))


def _filled(run: Run, message: Message | None) -> Message | None:
    """The server's words with their templates filled, as the tool's own are already."""
    return message and replace(message, content=run.fixed(message.content))
