"""AssemblyAI: transcriber."""
