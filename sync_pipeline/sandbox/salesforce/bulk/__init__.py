"""Jobs of the Bulk API, versions 1 and 2: queries and ingest."""
