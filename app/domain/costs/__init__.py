"""What a call costs: carrier legs, models, voices, transcribers."""
