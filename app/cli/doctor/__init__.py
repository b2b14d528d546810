"""``patchbay doctor``: checks a deployment, and says what to change. One file for each subject."""
