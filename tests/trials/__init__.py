"""Whole deployments in processes of their own, for tests and for people who try them by hand."""
