"""What the host is asked about accounting, and what it is handed."""
