"""Hints on their way to the broker, and whether it answers."""
