"""The cost of goods that left, and of goods that came back."""
