"""Piper, a voice on this machine. Its licence (GPL-3) keeps it in a program of its own.

https://github.com/OHF-Voice/piper1-gpl
"""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import LocalProgram, TtsPart, Vendor

VENDOR = Vendor(
    name="piper",
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        needs_account=False,
        fields=of_kinds(voiceId=str, speed=float),
        program=LocalProgram(
            missing=f"{__name__}.models:missing", start=f"{__name__}.speaking:start"
        ),
    ),
)
