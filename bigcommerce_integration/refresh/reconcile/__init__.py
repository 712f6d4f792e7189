"""What a refresh that writes nothing compares."""
