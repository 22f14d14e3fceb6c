"""Bulk import: files of persons, members or custom objects, taken batch by batch, and files of what failed."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.marketo.bulk.extract import FILES_KEPT
from sync_pipeline.sandbox.marketo.bulk.jobs import Job, Runner
from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.faults import Faults
from sync_pipeline.sandbox.marketo.records import lists, members, people, records
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import is_email

FORMATS = {"csv": ",", "tsv": "\t", "ssv": ";"}
BATCH = 300
QUEUED, RUNNING, DONE, FAILED = "Queued", "Importing", "Complete", "Failed"
SOURCE = "List import"  # reason and source of what an import changes

Json = dict[str, Any]
Take = Callable[[list[Json]], list[Json]]


@dataclass
class Import(Job):
    """One import job; `kind` is the part of the address that names its object."""

    kind: str = ""
    format: str = "csv"
    name: str | None = None  # of a custom object
    list_id: int | None = None
    processed: int = 0
    failed: int = 0
    warned: int = 0
    folder: Path = field(default_factory=Path)

    @property
    def failures(self) -> Path:
        return self.folder / f"{self.number}-failures.{self.format}"

    @property
    def warnings(self) -> Path:
        return self.folder / f"{self.number}-warnings.{self.format}"

    def as_json(self) -> Json:
        """Return the job as status calls show it; custom objects are told of in words of their own."""
        of_object = self.name is not None
        told: Json = {"batchId": self.number, "status": self.status}
        told |= {"objectApiName": self.name, "operation": "import"} if of_object else {"importId": str(self.number)}
        if self.status == DONE:
            told["numOfObjectsProcessed" if of_object else "numOfLeadsProcessed"] = self.processed
            told |= {"numOfRowsFailed": self.failed, "numOfRowsWithWarning": self.warned, "message": self._said()}
            if of_object and self.finished_at and self.started_at:
                told["importTime"] = f"{(self.finished_at - self.started_at).seconds} second(s)"
        elif self.message:
            told["message"] = self.message
        return told

    def _said(self) -> str:
        done = f"{self.processed} records imported ({self.processed} members)"
        if self.failed:
            return f"Import completed with errors, {done}, {self.failed} failed"
        return f"Import succeeded, {done}" + (f", {self.warned} warning." if self.warned else "")


class Imports:
    """All import jobs of a server."""

    def __init__(self, subscription: Subscription, faults: Faults, folder: Path) -> None:
        self._subscription = subscription
        self._folder = folder
        self._runner = Runner(subscription, faults, "marketo-import")
        self._jobs: dict[int, Import] = {}
        self._lock = threading.Lock()

    def start(
        self, kind: str, user: str, content: bytes, file_format: str, fields: ObjectType, take: Take, **more: Any
    ) -> Import:
        """Queue an import of a file.

        Raises:
            CallError: 1016 ten others wait, 1019 its list is being imported to.
        """
        with self._lock:
            number, present = 1_001 + len(self._jobs), self._subscription.present()
            job = Import(number, user, present, QUEUED, kind=kind, format=file_format, folder=self._folder, **more)
            unfinished = [other for other in self._jobs.values() if other.status in (QUEUED, RUNNING)]
            if job.list_id is not None and any(other.list_id == job.list_id for other in unfinished):
                raise CallError(1019, "Import in progress")
            if not self._runner.submit(job, lambda: _work(job, content, fields, take), (QUEUED, RUNNING, DONE, FAILED)):
                raise CallError(1016, "Too many imports")
            self._jobs[number] = job
        return job

    def get(self, kind: str, number: int, name: str | None = None) -> Import:
        job = self._jobs.get(number)
        if job is None or job.kind != kind or job.name != name or self._forgotten(job):
            raise CallError(1013, f"Import '{number}' not found")
        return job

    def _forgotten(self, job: Import) -> bool:
        return self._subscription.present() - job.created_at > FILES_KEPT

    def close(self) -> None:
        self._runner.close()


def _work(job: Import, content: bytes, fields: ObjectType, take: Take) -> None:
    """Take the file batch by batch; what cannot be taken is written to the file of failures, with the reason."""
    delimiter = FORMATS[job.format]
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    if not header:
        job.message = "The file is empty"
        raise ValueError(job.message)
    emails = [i for i, name in enumerate(header) if name in fields.fields and fields.fields[name].type == "email"]
    with (
        job.failures.open("w", newline="", encoding="utf-8") as bad,
        job.warnings.open("w", newline="", encoding="utf-8") as odd,
    ):
        failures, warnings = csv.writer(bad, delimiter=delimiter), csv.writer(odd, delimiter=delimiter)
        failures.writerow([*header, "Import Failure Reason"])
        warnings.writerow([*header, "Import Warning Reason"])
        for batch in _batches(rows):
            results = take([dict(zip(header, row, strict=False)) for row in batch])
            for row, result in zip(batch, results, strict=True):
                reason = _reason(result, fields)
                if reason:
                    failures.writerow([*row, reason])
                    job.failed += 1
                    continue
                job.processed += 1
                if any(i < len(row) and row[i] and not is_email(row[i]) for i in emails):
                    warnings.writerow([*row, "Invalid email address"])
                    job.warned += 1


def _batches(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(rows, BATCH)):
        kept = [row for row in batch if row]
        if kept:
            yield kept


def _reason(result: Json, fields: ObjectType) -> str | None:
    """Return why a row failed, in the words of import files."""
    for told in result.get("reasons", ()):
        code, message = told["code"], str(told["message"])
        return "missing.dedupe.fields" if code == "1002" else message
    return None


# What is done with a batch


def people_taker(
    subscription: Subscription, user: str, lookup: str, partition: int | None, list_id: int | None
) -> Take:
    """Return what creates or changes persons, and puts them into a list where one is named."""
    action = "updateOnly" if lookup == "id" else "createOrUpdate"
    how = How(action, lookup, partition, from_file=True)
    author = Author("importLead", user, reason=SOURCE, source=SOURCE)

    def take(batch: list[Json]) -> list[Json]:
        results = people.sync(subscription, batch, how, author)
        if list_id is not None:
            lists.add(subscription, list_id, _ids(results), SOURCE)
        return results

    return take


def members_taker(subscription: Subscription, user: str, program: Json, status: str) -> Take:
    """Return what creates or changes persons and brings them to a status of a program."""
    author = Author("importProgramMember", user, reason=SOURCE, source=SOURCE)
    taken = people_taker(subscription, user, "email", None, None)

    def take(batch: list[Json]) -> list[Json]:
        results = taken(batch)
        members.set_status(subscription, program, status, _ids(results), author)
        return results

    return take


def records_taker(subscription: Subscription, user: str, object_type: ObjectType) -> Take:
    author = Author("importCustomObject", user, reason=SOURCE, source=SOURCE)
    return lambda batch: records.sync(subscription, object_type, batch, "createOrUpdate", "dedupeFields", author)


def _ids(results: Sequence[Json]) -> list[int]:
    return list(dict.fromkeys(result["id"] for result in results if "id" in result))
