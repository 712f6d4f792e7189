"""The operator's pages: server-rendered, off unless registered, over the same operations as the HTTP API."""
