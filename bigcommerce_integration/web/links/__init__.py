"""Links that a person decides."""
