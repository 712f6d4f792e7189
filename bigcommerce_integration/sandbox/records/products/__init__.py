"""Made-up products and variants."""
