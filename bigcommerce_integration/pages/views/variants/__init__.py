"""The store's catalogue, and what of the host's each variant is linked to."""
