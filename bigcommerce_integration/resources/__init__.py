"""What the package knows of each collection, and how values are read; no SQL, no HTTP, no Flask."""
