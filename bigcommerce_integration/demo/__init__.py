"""A small host app that uses the plugin as a stranger would, and a look at whether it keeps its promises."""
