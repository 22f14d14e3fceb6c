"""What happens when a record is written: validation, defaults, duplicates, conversion."""
