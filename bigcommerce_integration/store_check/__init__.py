"""Whether a store can be reached, and what a single question to it answers."""
