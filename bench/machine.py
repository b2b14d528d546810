"""What a figure was measured on."""

from __future__ import annotations

import os
import platform


def machine() -> str:
    return f"{computer()}, load {os.getloadavg()[0]:.1f} before"


def computer() -> str:
    """The machine without its present load."""
    return f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
