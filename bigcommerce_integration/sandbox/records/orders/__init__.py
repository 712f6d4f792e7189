"""Made-up orders and their lines."""
