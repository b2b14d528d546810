"""The dashboard's pages about assistants: list, form, the check of each field, and changes."""
