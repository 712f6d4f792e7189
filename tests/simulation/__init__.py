"""``python -m tests.simulation``: how late many stores are brought up to date, on how many machines."""
