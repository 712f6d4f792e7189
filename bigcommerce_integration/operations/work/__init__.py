"""Whether work is done at all, whatever the store: what the health of a deployment is decided from."""
