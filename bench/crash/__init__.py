"""Kills the bridge at every fail-point, starts it again, and counts what is lost or done twice."""
