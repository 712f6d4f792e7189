"""Stores, refreshes and explanations as JSON: for ``web/`` and for ``--json`` of ``cli/``."""
