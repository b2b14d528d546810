"""The interface of a carrier: webhooks in, instructions out, media messages, REST calls."""
