"""What a person does to a connected store: connect it, change it, check it, disconnect it."""
