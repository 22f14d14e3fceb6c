"""What is asked afterwards: a record's story, drift, what waits, backfill."""
