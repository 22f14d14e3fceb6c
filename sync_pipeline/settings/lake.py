"""Settings of the lake."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class LakeSettings(BaseSettings):
    """The lake."""

    lake_catalog: str = Field(
        "data/catalog.sqlite",
        description="The lake's catalog: path of a SQLite file, or `postgres:dbname=… host=…`. A lake holds one CRM: "
        "that of Veeva is below `data/veeva` unless these three say otherwise.",
    )
    lake_data: str = Field("data/files", description="Folder, or object-store URL, of the lake's Parquet files.")
    lake_landing: Path = Field(Path("data/landing"), description="Folder where pages wait until they are committed.")
    lake_memory: str = Field("800MB", description="Memory that DuckDB may use before it spills to disk.")
    lake_threads: int | None = Field(
        None,
        ge=1,
        description="Threads that DuckDB works with; one a processor if empty. Small cycles cost less with one.",
    )
    lake_keep_hours: float = Field(
        24.0, ge=0, description="How long old snapshots of the lake stay readable before maintenance removes them."
    )
