"""Connect BigCommerce stores to a Flask app: products and orders in its own database, and right."""
