"""The contract suite that every carrier passes."""
