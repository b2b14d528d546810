"""``patchbay import vapi``: an organisation of Vapi's, from its API or from files of its gitops."""
