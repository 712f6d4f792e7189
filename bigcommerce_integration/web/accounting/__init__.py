"""Accounting over HTTP: documents, batches, figures, and what a person decides about them."""
