"""`python -m sync_pipeline` is `sync-pipeline`."""

from sync_pipeline.cli import main

main()
