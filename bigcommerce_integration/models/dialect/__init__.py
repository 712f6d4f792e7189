"""What each database does in its own way. No other place asks which one it has, but for the column types."""
