"""OpenAI, and models that speak its protocol; its voices."""
