"""From the store: ranges of ids, pages, and what is asked for again."""
