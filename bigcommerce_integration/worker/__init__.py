"""What runs in a worker process: actors, dispatcher, hints and maintenance."""
