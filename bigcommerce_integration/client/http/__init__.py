"""One request to the store: connection, retries, rate limit and failures."""
