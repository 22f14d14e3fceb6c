"""Which records a duplicate rule took a refused one for: told to who writes a single record, so it is sent once more.

A composite call holds 25 such writes. A record whose duplicate has gone meanwhile is written by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import requests

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.salesforce.collections import METHODS, Task, refused, sent
from sync_pipeline.connectors.salesforce.connector import Salesforce

CODE = "DUPLICATES_DETECTED"
MOST = 25


def write_singly(org: Salesforce, task: Task, records: Sequence[Record]) -> list[Answer]:
    """Create or update at most `MOST` records, one by one in one call; an answer names the duplicates in its message.

    Raises:
        as `collections.write`.
    """
    path, method = org.resource(f"sobjects/{task.source}"), METHODS[task.operation]
    calls = [
        {
            "method": method,
            "url": path if task.operation is Operation.CREATE else f"{path}/{record.id}",
            "referenceId": f"r{place}",
            "httpHeaders": dict(task.headers),
            "body": dict(record.values),
        }
        for place, record in enumerate(records)
    ]

    def read(answer: requests.Response, system: str) -> list[Answer]:
        told = Document.of(answer, system)
        by_reference = {one.text("referenceId"): one for one in told.parts("compositeResponse", required=True)}
        if by_reference.keys() != {f"r{place}" for place in range(len(records))}:
            raise told.fail(f"{len(by_reference):,} answers to {len(records):,} writes")
        return [_answer(task, record, by_reference[f"r{place}"]) for place, record in enumerate(records)]

    body = {"allOrNone": False, "compositeRequest": calls}
    return sent(org, task, "POST", org.resource("composite"), read, body)


def _answer(task: Task, record: Record, told: Document) -> Answer:
    if told.number("httpStatusCode") < 300:
        is_new = task.operation is Operation.CREATE
        return Answer(Verdict.ACCEPTED, told.part("body").key("id") if is_new else record.id, created=is_new)
    first = told.only("body")
    errors = [(one.text("errorCode"), one.text("message", ""), one.texts("fields")) for one in told.parts("body")]
    answer = refused(task, record.id, errors, record.values)
    ids = list(_matches(first))
    return replace(answer, message=f"{answer.message} ({', '.join(ids)})") if ids else answer


def _matches(error: Document) -> Iterator[str]:
    for result in error.part("duplicateResult").parts("matchResults"):
        for match in result.parts("matchRecords"):
            yield match.part("record").key("Id")
