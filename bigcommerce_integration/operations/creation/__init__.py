"""Products of the host that a person wants for variants that have none."""
