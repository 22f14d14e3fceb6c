"""THE STORE: a DuckLake of Parquet files with its catalog in SQLite or PostgreSQL (DESIGN 5).

`connection` opens it and holds its transactions, `ownership` proves that a folder is its own, `types` and `table` keep
mirrors as describe says, `landing` spools what was read until it is committed, `ledger` is our own memory,
`maintenance` keeps the files few. What to write is decided elsewhere (`mirror`).
"""

from sync_pipeline.lake.connection import Lake
from sync_pipeline.lake.errors import LakeError, LakeInUseError, OwnershipError

__all__ = ["Lake", "LakeError", "LakeInUseError", "OwnershipError"]
