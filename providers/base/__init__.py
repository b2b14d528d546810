"""What a carrier is: webhooks in, instructions out, media messages, REST calls."""
