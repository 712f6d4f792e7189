"""Invoices of sales and credits of refunds."""
