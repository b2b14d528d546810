"""Tools of an assistant: what the model is offered, and how a tool call is carried out."""
