"""Sessions of the dashboard, and the tokens that each open one once."""
