"""From mapped records to rows, in a page's transaction."""
