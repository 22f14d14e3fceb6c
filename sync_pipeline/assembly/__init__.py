"""What is synced, with which systems, and the runs that are put together from both: where settings become objects."""
