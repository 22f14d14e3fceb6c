"""Which records a duplicate rule took a refused one for: told to who writes a single record, so it is sent once more.

A composite call holds 25 such writes. A record whose duplicate has gone meanwhile is written by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sync_pipeline.connectors.collections import METHODS, Task, refused, sent, unclear
from sync_pipeline.connectors.salesforce import Salesforce
from sync_pipeline.connectors.writes import Answer, Operation, Record, Verdict

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
    told = sent(org, task, "POST", org.resource("composite"), {"allOrNone": False, "compositeRequest": calls})
    listed = told.get("compositeResponse", ()) if isinstance(told, dict) else ()
    by_reference = {one["referenceId"]: one for one in listed}
    if len(by_reference) != len(records):
        raise unclear(task, "STRANGE_ANSWER", f"of {len(records)} writes in a call {len(by_reference)} are answered")
    return [_answer(task, record, by_reference[f"r{place}"]) for place, record in enumerate(records)]


def _answer(task: Task, record: Record, told: Mapping[str, Any]) -> Answer:
    body = told["body"]
    if told["httpStatusCode"] < 300:
        is_new = task.operation is Operation.CREATE
        return Answer(Verdict.ACCEPTED, body["id"] if is_new else record.id, created=is_new)
    answer = refused(record.id, [(one["errorCode"], one["message"], one.get("fields") or ()) for one in body])
    ids = list(_matches(body[0]))
    return replace(answer, message=f"{answer.message} ({', '.join(ids)})") if ids else answer


def _matches(error: Mapping[str, Any]) -> Iterator[str]:
    for result in error.get("duplicateResult", {}).get("matchResults", ()):
        for match in result.get("matchRecords", ()):
            yield match["record"]["Id"]
