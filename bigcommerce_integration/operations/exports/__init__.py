"""What lists show as CSV files."""
