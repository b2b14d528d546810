"""``patchbay test``: scenarios in YAML, played against a bridge, judged, and reported."""
