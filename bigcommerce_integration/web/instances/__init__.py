"""Instances over HTTP: connect, list, read, change, delete and check stores."""
