"""The container's health check: whether the process answers. It asks no database, as /healthz does."""

import os
import urllib.request

PORT = os.environ.get("PORT", "8000")

urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=4).read()  # raises for an error
