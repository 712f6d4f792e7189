"""Secrets and people: tokens are encrypted anew, and what is stored about a person is erased."""
