"""What `python -m bigcommerce_integration demo` does."""
