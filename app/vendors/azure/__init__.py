"""Azure: OpenAI models and Speech voices."""
