"""CSV files as spreadsheets write and read them, and the mapping of variants by such a file."""
