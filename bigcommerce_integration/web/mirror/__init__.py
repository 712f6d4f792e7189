"""The mirror over HTTP: lists, links by hand, explanations, what was set aside."""
