"""One file for each page: it reads the request, calls an operation and renders a template."""
