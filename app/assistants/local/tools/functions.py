"""A function on the client's server. https://docs.vapi.ai/tools/custom-tools"""

from __future__ import annotations

from app.assistants.local.tools.questions import question
from app.assistants.local.tools.replies import read_refusal, read_reply
from app.assistants.local.tools.request_schema import static_values
from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run


async def ask(run: Run) -> Outcome:
    """Ask the tool's own server, or the assistant's. Raises ``ToolFailed``."""
    tool, server, seconds = run.tool, None, SERVER_SECONDS
    arguments = {**run.arguments, **static_values(tool.json, run.render)}
    if tool.server is not None:
        server = {
            "url": tool.server.url,
            "secret": tool.server.secret,
            "headers": tool.server.headers,
            "credentialId": tool.server.policy.get("credentialId"),
        }
        seconds = float(tool.server.policy.get("timeoutSeconds") or SERVER_SECONDS)
    kind, extra = question(tool, run.call_id, arguments)
    reply = await run.call_context.request(kind, extra, seconds, server)
    if reply.error is not None:
        return read_refusal(reply.error, reply.body, run.call_id)
    return read_reply(reply.body, run.call_id)
