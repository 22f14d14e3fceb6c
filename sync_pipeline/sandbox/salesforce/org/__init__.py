"""The org: its schema, its records, and who may see them."""
