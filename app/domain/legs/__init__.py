"""The carrier's legs of a call: inbound, outbound, transfer, hangup, reconciliation."""
