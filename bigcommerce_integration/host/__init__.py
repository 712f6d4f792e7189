"""The port between the plugin and the monolith."""
