"""What variants are linked to, as a person decides it, and what they may choose from."""
