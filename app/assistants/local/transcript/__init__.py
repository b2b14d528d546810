"""What was said: the conversation, the words the caller really heard, usage for the costs."""
