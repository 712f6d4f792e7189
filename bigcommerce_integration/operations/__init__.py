"""What a person does to an instance, as functions of decoded values."""
