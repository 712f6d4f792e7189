"""``python -m tests.benchmark``: how fast a refresh and the routes are, each as a ratio to a plain counterpart."""
