"""``python -m tests.benchmark stores``: many stores in the same workers, a row for each aim."""
