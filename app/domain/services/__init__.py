"""The four entrances of the domain, one class each: calls, webhooks, media, resources."""
