"""The mirror over HTTP: lists of its rows, and the rejected records."""
