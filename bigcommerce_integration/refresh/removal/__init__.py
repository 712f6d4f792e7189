"""What is deleted: an instance with its rows, and what is old."""
