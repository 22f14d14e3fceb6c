"""Bulk API 2.0 queries: a job on the server, its result pages streamed from the socket to Arrow in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import quote

import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.bounds import Chain, Patience, Waiting
from sync_pipeline.connectors.csv_pages import stream_csv
from sync_pipeline.connectors.document import Document, request_of
from sync_pipeline.connectors.errors import (
    ConnectorError,
    MalformedAnswerError,
    OverdueError,
    RejectedError,
    RetryableError,
)
from sync_pipeline.connectors.extract import Batches, Extract, Page
from sync_pipeline.connectors.http import repeat

COUNT, NOT_FOUND = "Sforce-NumberOfRecords", "NOT_FOUND"
# A job is found to be over at most a sixth of its time late.
FIRST_POLL, POLL_GROWTH, LONGEST_POLL = 0.2, 1.2, 10.0


class Caller(Protocol):
    patience: Patience
    system: str

    def read(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Document: ...

    def chain(self, what: str, announced: int = -1) -> Chain: ...

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, *, once: bool = False, **kwargs: Any
    ) -> requests.Response: ...

    def count_bytes(self, count: int) -> None: ...


class Bulk:
    """Query jobs below `jobs`, the path of the jobs/query resource."""

    def __init__(self, org: Caller, jobs: str) -> None:
        self._org = org
        self._jobs = jobs

    def run(self, query: str, fields: Sequence[str], operation: str) -> Extract:
        """Create a job, wait for it and return its result.

        Raises:
            RejectedError: the job was refused or failed; the message is the server's.
        """
        body = {"operation": operation, "query": query, "contentType": "CSV", "lineEnding": "LF"}
        job = self._org.read(self._jobs, "POST", json=body)
        return self._result(fields, self._finished(job.key("id")))

    def resume(self, fields: Sequence[str], job_id: str) -> Extract | None:
        """Return the result of a job begun earlier, or None if it is gone (results are kept seven days)."""
        try:
            return self._result(fields, self._finished(job_id))
        except RejectedError:
            return None

    def _finished(self, job_id: str) -> Document:
        path = f"{self._jobs}/{quote(job_id)}"
        try:
            job = ended(self._org, path)
        except OverdueError:
            with suppress(ConnectorError):  # so that it does not go on for nobody; it ends by itself, too
                self._org.call("PATCH", path, once=True, json={"state": "Aborted"})
            raise
        if job.text("state") != "JobComplete":
            raise RejectedError("BULK_JOB_FAILED", why_failed(job))
        return job

    def _result(self, fields: Sequence[str], job: Document) -> Extract:
        expected, job_id = job.number("numberRecordsProcessed", 0), job.key("id")

        return Extract(lambda: self._pages(job_id, expected, fields) if expected else iter(()), expected, token=job_id)

    def _pages(self, job_id: str, expected: int, fields: Sequence[str]) -> Iterator[Page]:
        """Give the pages of a result, as the org tells them: all addresses beforehand, or each with the one before it.

        The former came with API version 58, and not everywhere.
        """
        try:
            for number, url in enumerate(self._page_urls(job_id, expected)):
                yield Page(f"{number:06d}", lambda url=url: self._page(self._opened(url), fields))  # type: ignore[misc]
        except RejectedError as error:
            if error.code != NOT_FOUND:
                raise
            yield from self._linked_pages(job_id, expected, fields)

    def _linked_pages(self, job_id: str, expected: int, fields: Sequence[str]) -> Iterator[Page]:
        """Give pages of which each tells in its headers where the next one is; they are opened in turn, read in any."""
        root = f"{self._jobs}/{job_id}/results"
        chain, url, number = self._org.chain(f"the result of bulk job {job_id}", expected), root, 0
        while url:
            page = _Opened(self, url, fields, repeat(lambda url=url: self._opened(url), self._org.patience))  # type: ignore[misc]
            mark, rows = headers.locator(page.headers), headers.count(page.headers, COUNT) or 0
            yield Page(f"{number:06d}", page.read)
            url, number = chain.follow(f"{root}?locator={quote(mark, safe='')}", rows) if mark else "", number + 1

    def _page_urls(self, job_id: str, expected: int) -> Iterator[str]:
        """Give the addresses of all result pages, five a call, so that pages can be read in parallel."""
        path = f"{self._jobs}/{job_id}/resultPages"
        chain = self._org.chain(f"GET {path}", expected)
        while path:
            told = self._org.read(path)
            urls = [page.text("resultUrl") for page in told.parts("resultPages", required=True)]
            yield from urls
            path = "" if told.flag("done", True) else chain.follow(told.text("nextRecordsUrl"), len(urls))

    def _opened(self, url: str) -> requests.Response:
        return self._org.call("GET", url, {"Accept": "text/csv"}, stream=True)

    def _page(self, answer: requests.Response, fields: Sequence[str]) -> Batches:
        """Stream one page, which has been asked for, as text batches.

        Raises:
            RetryableError: the page broke off, or held other than the announced number of records.
            RejectedError: its columns are not the fields that were asked for.
        """
        announced, arrived = headers.count(answer.headers, COUNT), 0
        if announced is None:
            answer.close()
            raise MalformedAnswerError(self._org.system, request_of(answer), "no number of records in its headers")
        for batch in stream_csv(answer, fields, lambda chunk: self._org.count_bytes(len(chunk))):
            arrived += batch.num_rows
            if arrived > announced:
                break
            yield batch
        if arrived != announced:
            raise RetryableError("PAGE_CUT_OFF", f"{arrived} of {announced} records arrived at {request_of(answer)}")


class _Opened:
    """A page whose answer has begun, for its headers; read again, it is asked for anew."""

    def __init__(self, bulk: Bulk, url: str, fields: Sequence[str], answer: requests.Response) -> None:
        self.headers = answer.headers
        self._bulk, self._url, self._fields = bulk, url, fields
        self._answer: requests.Response | None = answer

    def read(self) -> Batches:
        answer, self._answer = self._answer, None
        return self._bulk._page(answer or self._bulk._opened(self._url), self._fields)


def ended(org: Caller, path: str, patience: Patience | None = None) -> Document:
    """Wait until the bulk job at `path` is over, well or not, and return it.

    Raises:
        OverdueError: it is not over at its time.
    """
    wait, waiting = FIRST_POLL, None
    while True:
        job = org.read(path)
        if (state := job.text("state")) in ("JobComplete", "Failed", "Aborted"):
            return job
        what = f"bulk job {job.key('id')} on {job.text('object', 'an object')}"
        waiting = waiting or Waiting(patience or org.patience, what)
        waiting.pause(wait, state)
        wait = min(wait * POLL_GROWTH, LONGEST_POLL)


def why_failed(job: Document) -> str:
    reason = job.text("errorMessage", "") or f"state {job.text('state')}"
    return f"bulk job {job.key('id')} on {job.text('object', 'an object')}: {reason}"
