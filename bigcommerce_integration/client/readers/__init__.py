"""How the client follows each way to read a collection (``resources.base``): requests, and proofs of what came."""
