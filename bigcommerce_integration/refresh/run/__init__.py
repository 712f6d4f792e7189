"""What a worker does in a slice, and what each collection does of its own."""
