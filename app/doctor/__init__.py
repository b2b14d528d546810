"""The checks of a deployment, and what to change: one file for each subject.

``patchbay doctor`` runs them all, and so do the dashboard's set-up pages, in parts.
"""
