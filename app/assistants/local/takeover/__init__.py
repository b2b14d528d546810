"""A supervisor has the call instead of the assistant, who is silent and knows afterwards."""
