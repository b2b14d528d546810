"""The commands: ``patchbay`` and ``flask --app app``."""
