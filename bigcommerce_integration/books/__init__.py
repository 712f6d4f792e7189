"""The books: documents are made from stored orders, kept, gathered into batches and handed to the host."""
