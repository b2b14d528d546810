"""The assistant that talks in this process: ears, a model and a voice around one call."""
