"""One refresh as rows: its lease, mode, checkpoint and progress."""
