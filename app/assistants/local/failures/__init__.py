"""What a failing vendor means for the call: retries, fallback models, the ended reason."""
