"""What a vendor's failure means for the call: retries, fallback models, the ended reason."""
