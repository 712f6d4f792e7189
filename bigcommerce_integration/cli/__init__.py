"""The commands of ``flask bigcommerce``, one file a command."""
