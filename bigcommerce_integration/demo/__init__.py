"""A small host app that uses the plugin as a stranger would, and the command that runs it."""
