"""Whose turn it is: when the caller begins, when they have finished."""
