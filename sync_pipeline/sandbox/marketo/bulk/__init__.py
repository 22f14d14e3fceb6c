"""Jobs of the Bulk API: extracts and imports."""
