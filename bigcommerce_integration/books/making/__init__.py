"""Make the documents of some orders anew: read what they are made of, decide, and store what differs."""
