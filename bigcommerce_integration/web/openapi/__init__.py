"""The OpenAPI 3.1 document: each subject describes its answers and operations in a file of its own (``of_…``)."""
