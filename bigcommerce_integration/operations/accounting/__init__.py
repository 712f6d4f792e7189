"""Accounting documents and batches as a person sees them, and what a person may decide about them."""
