"""vocode's telephony server with its calls in memory. For the Python of its own venv.

https://docs.vocode.dev/open-source/telephony
"""
# mypy: ignore-errors
# ruff: noqa: E402

from __future__ import annotations

import logging
import sys
from types import ModuleType

# It is imported for a loudspeaker, and fails where the system has no PortAudio.
sys.modules["sounddevice"] = ModuleType("sounddevice")

import uvicorn
from fastapi import FastAPI
from vocode.streaming.models.agent import EchoAgentConfig
from vocode.streaming.models.telephony import TwilioConfig
from vocode.streaming.telephony.config_manager.in_memory_config_manager import (
    InMemoryConfigManager,
)
from vocode.streaming.telephony.server.base import TelephonyServer, TwilioInboundCallConfig

app = FastAPI()
inbound = TwilioInboundCallConfig(
    url="/inbound_call",
    agent_config=EchoAgentConfig(),
    twilio_config=TwilioConfig(account_sid="AC0", auth_token="0"),
)
server = TelephonyServer(
    base_url="example.com",
    config_manager=InMemoryConfigManager(),
    inbound_call_configs=[inbound],
)
app.include_router(server.get_router())

if __name__ == "__main__":
    logging.disable(logging.INFO)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
