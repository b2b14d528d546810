"""Request bodies and queries, checked; answers, described. Words of refusals: ``wording.py``."""
