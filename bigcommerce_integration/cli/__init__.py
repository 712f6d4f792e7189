"""The commands of ``flask bigcommerce``: options in, one operation, lines out."""
