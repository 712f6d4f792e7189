"""From version 0.1.0 to this one: its rows, its open refreshes, its workers."""
