"""What was said: the conversation, the words the caller heard, and the vendors' usage."""
