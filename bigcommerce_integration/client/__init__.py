"""The store's API: one request a call, no SQL, no Flask, no sleeping."""
