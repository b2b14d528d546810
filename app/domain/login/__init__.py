"""Who looks at the dashboard: sessions, and the tokens that open one once."""
