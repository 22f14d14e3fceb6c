"""Bulk API 2.0 queries: a job on the server, its result pages streamed from the socket to Arrow in parallel."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as csv
import requests

from sync_pipeline.connectors.errors import RejectedError, RetryableError
from sync_pipeline.connectors.extract import Batches, Extract, Page
from sync_pipeline.connectors.http import connection_failed
from sync_pipeline.connectors.json_pages import VISIBLE_NUL

# A record must fit in a block: the long text fields of one record hold at most 1.6 million characters.
BLOCK_BYTES = 8 << 20
# A job is found to be over at most a sixth of its time late.
FIRST_POLL, POLL_GROWTH, LONGEST_POLL = 0.2, 1.2, 10.0


class Caller(Protocol):
    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> requests.Response: ...

    def count_bytes(self, count: int) -> None: ...


class Bulk:
    """Query jobs below `jobs`, the path of the jobs/query resource."""

    def __init__(self, org: Caller, jobs: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._org = org
        self._jobs = jobs
        self._sleep = sleep

    def run(self, query: str, fields: Sequence[str], operation: str) -> Extract:
        """Create a job, wait for it and return its result.

        Raises:
            RejectedError: the job was refused or failed; the message is the server's.
        """
        body = {"operation": operation, "query": query, "contentType": "CSV", "lineEnding": "LF"}
        job = self._org.call("POST", self._jobs, json=body).json()
        return self._result(fields, self._finished(job["id"]))

    def resume(self, fields: Sequence[str], job_id: str) -> Extract | None:
        """Return the result of a job begun earlier, or None if it is gone (results are kept seven days)."""
        try:
            return self._result(fields, self._finished(job_id))
        except RejectedError:
            return None

    def _finished(self, job_id: str) -> dict[str, Any]:
        wait = FIRST_POLL
        while True:
            job: dict[str, Any] = self._org.call("GET", f"{self._jobs}/{job_id}").json()
            if job["state"] == "JobComplete":
                return job
            if job["state"] in ("Failed", "Aborted"):
                said = job.get("errorMessage") or f"state {job['state']}"
                raise RejectedError("BULK_JOB_FAILED", f"bulk job {job_id} on {job.get('object')}: {said}")
            self._sleep(wait)
            wait = min(wait * POLL_GROWTH, LONGEST_POLL)

    def _result(self, fields: Sequence[str], job: dict[str, Any]) -> Extract:
        expected = int(job.get("numberRecordsProcessed") or 0)

        def pages() -> Iterator[Page]:
            for number, url in enumerate(self._page_urls(job["id"]) if expected else ()):
                yield Page(f"{number:06d}", lambda url=url: self._page(url, fields))  # type: ignore[misc]

        return Extract(pages, expected, token=job["id"])

    def _page_urls(self, job_id: str) -> Iterator[str]:
        """Give the addresses of all result pages, five a call, so that pages can be read in parallel."""
        path = f"{self._jobs}/{job_id}/resultPages"
        while path:
            told = self._org.call("GET", path).json()
            for page in told["resultPages"]:
                yield page["resultUrl"]
            path = "" if told.get("done", True) else told["nextRecordsUrl"]

    def _page(self, url: str, fields: Sequence[str]) -> Batches:
        """Stream one page as text batches.

        Raises:
            RetryableError: the page broke off, or held other than the announced number of records.
            RejectedError: its columns are not the fields that were asked for.
        """
        answer = self._org.call("GET", url, {"Accept": "text/csv"}, stream=True)
        announced = int(answer.headers["Sforce-NumberOfRecords"])
        arrived = 0
        with answer:
            body = _Body(answer, self._org.count_bytes)
            try:
                for batch in _read_csv(body, fields):
                    arrived += batch.num_rows
                    yield batch
            except (requests.RequestException, OSError, pa.ArrowInvalid) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # our own disk, not the page
                raise connection_failed(answer.url, error) from error
        if arrived != announced:
            raise RetryableError("PAGE_CUT_OFF", f"{arrived} of {announced} records arrived of {url.partition('?')[0]}")


def _read_csv(body: io.RawIOBase, fields: Sequence[str]) -> Batches:
    """Parse CSV to text columns; an empty field is null, quoted or not, and all else is kept to the letter."""
    reader = csv.open_csv(
        pa.PythonFile(body, mode="r"),
        # Pages are read side by side: threads within a page as well cost half as much CPU again.
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(fields, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )
    with reader:
        if missing := set(fields) - set(reader.schema.names):
            raise RejectedError("INVALID_FIELD", f"the result page has no column {', '.join(sorted(missing))}")
        for batch in reader:
            yield batch.select(list(fields))


class _Body(io.RawIOBase):
    """The decoded bytes of an answer as they arrive, counted, with NULs made visible."""

    def __init__(self, answer: requests.Response, count: Callable[[int], None]) -> None:
        super().__init__()
        self._raw = answer.raw
        self._count = count

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            chunk: bytes = self._raw.read(size if size >= 0 else None, decode_content=True)
        except Exception as error:  # urllib3's own errors differ by version; all mean the page broke off
            raise ConnectionError(type(error).__name__) from error
        self._count(len(chunk))
        return chunk.replace(b"\0", VISIBLE_NUL.encode()) if b"\0" in chunk else chunk
