"""Legs that find no slot and wait for one, first in, first out."""
