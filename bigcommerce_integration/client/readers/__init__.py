"""How the client follows each way to read a collection (``resources.readers``): requests, and proofs of what came."""
