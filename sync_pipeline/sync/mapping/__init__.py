"""Which fields are synced and how their values are made comparable."""
