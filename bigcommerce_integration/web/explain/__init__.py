"""Why a record is not here, or not linked."""
