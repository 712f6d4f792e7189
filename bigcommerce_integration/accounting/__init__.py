"""Accounting documents of orders, refunds and returns: pure decisions over plain values, no SQL, no HTTP, no clock."""
