"""Which product of the host a variant is."""
