"""Lists of stored rows: which rows a person wants, and one page of them."""
