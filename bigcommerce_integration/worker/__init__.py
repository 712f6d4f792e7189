"""What runs in a worker process: actors, dispatcher, outbox and maintenance."""
