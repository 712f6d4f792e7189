"""Tell the host when a person is needed, and when no longer: rows that outlive every process."""
