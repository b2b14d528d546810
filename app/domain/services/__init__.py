"""The services that other packages call, one class each: calls, webhooks and media."""
