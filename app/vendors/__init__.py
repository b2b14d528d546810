"""Vendors of models, voices and transcribers, under the names Vapi gives them."""
