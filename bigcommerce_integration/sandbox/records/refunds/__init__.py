"""Made-up refunds of orders."""
