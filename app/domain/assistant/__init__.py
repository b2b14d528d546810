"""An assistant's JSON: parsed, checked, its secrets and URLs. Pure."""
