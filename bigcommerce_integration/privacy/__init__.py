"""Whom the store's owner has erased."""
