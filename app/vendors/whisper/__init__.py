"""Whisper, a transcriber on this machine: by faster-whisper, in programs of its own.

https://github.com/SYSTRAN/faster-whisper
"""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import LocalProgram, SttPart, Vendor

VENDOR = Vendor(
    name="whisper",
    stt=SttPart(
        make=f"{__name__}.stt:make",
        fields=of_kinds(model=str, language=str),
        program=LocalProgram(
            missing=f"{__name__}.models:missing", start=f"{__name__}.listening:start"
        ),
    ),
)
