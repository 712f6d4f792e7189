"""Variants linked by a CSV file that a person has filled in: upload, look, apply, undo."""
