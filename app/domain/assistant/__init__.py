"""An assistant's JSON: parser, checks, secrets and URLs. Pure."""
