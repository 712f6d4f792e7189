"""What is stored of orders, what was rejected, what people did, and all of it as files."""
