"""What jobs and batches of Bulk API 1 are; how they run is `bulk1.py`."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import Result
from sync_pipeline.sandbox.salesforce.bulk.jobs import Job, Work, stamp

CHUNK_ROWS, MOST_CHUNK_ROWS = 100_000, 250_000


@dataclass(kw_only=True)
class Batch(Work):
    """One batch. `request` is the file that was sent; of a chunk it is its parent's, and `within` its range of ids."""

    DONE: ClassVar[str] = "Completed"
    ENDED: ClassVar[tuple[str, ...]] = ("Completed", "Failed", "NotProcessed")

    state: str = "Queued"
    job_id: str
    folder: Path
    request: Path
    within: str | None = None
    failed: int = 0
    results: dict[str, int] = field(default_factory=dict)  # of a query: the first row of each result, by its id
    rows: Result | None = None

    @property
    def outcomes(self) -> Path:
        """Return the file that tells what became of the records of a write."""
        return self.folder / "outcomes"

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "jobId": self.job_id,
            "state": self.state,
            "stateMessage": self.message,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at or self.created_at),
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "totalProcessingTime": self.milliseconds,
            "apiActiveProcessingTime": self.milliseconds,
            "apexProcessingTime": 0,
        }


@dataclass(kw_only=True)
class BatchJob(Job):
    """One job. It takes batches while it is Open; closed or not, they run as they come."""

    ENDED: ClassVar[tuple[str, ...]] = ("Aborted",)

    state: str = "Open"
    content_type: str
    is_serial: bool = False
    key: str | None = None
    assignment_rule: str | None = None
    chunk_rows: int | None = None  # of a query that asks for PK chunking
    first_id: str = ""
    batches: list[Batch] = field(default_factory=list)
    queue: deque[Batch] = field(default_factory=deque)

    @property
    def path(self) -> str:
        return f"/services/async/{self.version}/job/{self.id}"

    @property
    def is_query(self) -> bool:
        return self.operation in ("query", "queryAll")

    def as_dict(self, full: bool = True) -> dict[str, Any]:
        states = [batch.state for batch in self.batches]
        milliseconds = sum(batch.milliseconds for batch in self.batches)
        return self.head() | {
            "externalIdFieldName": self.key,
            "assignmentRuleId": self.assignment_rule,
            "concurrencyMode": "Serial" if self.is_serial else "Parallel",
            "contentType": self.content_type,
            **{
                f"numberBatches{state}": states.count(state)
                for state in ("Queued", "InProgress", "Completed", "Failed")
            },
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(batch.processed for batch in self.batches),
            "numberRetries": 0,
            "apiVersion": float(self.version),
            "numberRecordsFailed": sum(batch.failed for batch in self.batches),
            "totalProcessingTime": milliseconds,
            "apiActiveProcessingTime": milliseconds,
            "apexProcessingTime": 0,
        }


def chunking(header: str) -> dict[str, Any]:
    """Return the job settings that `Sforce-Enable-PKChunking: chunkSize=50000; startRow=001...` asks for."""
    options = dict(re.findall(r"(\w+)\s*=\s*([^;\s]+)", header))
    size = str(options.get("chunkSize", ""))
    if not size.isdigit() and "true" not in header.lower():
        return {}
    rows = min(int(size), MOST_CHUNK_ROWS) if size.isdigit() else CHUNK_ROWS
    return {"chunk_rows": rows or CHUNK_ROWS, "first_id": options.get("startRow", "")}
