"""The records of a store: how they are made, kept and edited."""
