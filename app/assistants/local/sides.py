"""The two ends of a pipeline, for audio and for text."""

from __future__ import annotations

from app.assistants.local.text_transport import TextInput, TextOutput
from app.assistants.local.transport import AgentInputTransport, AgentOutputTransport

Input = AgentInputTransport | TextInput
Output = AgentOutputTransport | TextOutput
