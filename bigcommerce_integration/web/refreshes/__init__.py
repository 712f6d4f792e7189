"""Refreshes over HTTP: begin, list, cancel, retry."""
