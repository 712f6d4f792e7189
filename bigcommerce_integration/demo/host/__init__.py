"""The demo's host app: a small monolith that uses the plugin as a stranger would."""
