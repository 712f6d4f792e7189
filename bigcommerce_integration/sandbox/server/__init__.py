"""The stand-in store over HTTP: the gateway, the routes, faults on demand and the control API."""
