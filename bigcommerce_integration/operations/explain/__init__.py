"""Why a record is not here, or not linked: one file for each kind of record."""
