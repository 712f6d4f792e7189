"""Pages of the documents for the host's accounting."""
