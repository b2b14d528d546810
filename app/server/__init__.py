"""The server: ASGI application, the bridge to Flask, the gunicorn worker."""
