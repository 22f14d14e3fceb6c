"""sObject Collections: up to 200 records of one object written in one call, each answered by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from sync_pipeline.connectors.document import Document, request_of
from sync_pipeline.connectors.errors import MalformedAnswerError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.salesforce import answers, soql
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.writes import blamed

MOST = 200
METHODS = {Operation.CREATE: "POST", Operation.UPDATE: "PATCH", Operation.UPSERT: "PATCH", Operation.DELETE: "DELETE"}


@dataclass(frozen=True)
class Task:
    """What is to be done with records of the object `source`; `key` is the field by which an upsert finds them."""

    source: str
    operation: Operation
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def write(org: Salesforce, task: Task, records: Sequence[Record]) -> list[Answer]:
    """Write at most `MOST` records in one call, sent once; return an answer to each, in their order.

    Raises:
        UnknownOutcomeError: records were to be created and the answer was lost.
        RetryableError: the org could not be reached or was busy; to do it again does no harm.
        RejectedError: the call as a whole was refused, maybe over one record.
        QuotaError, FatalError: see `errors`.
    """
    method, path = METHODS[task.operation], org.resource("composite/sobjects")
    if task.operation is Operation.DELETE:
        ids = ",".join(record.id or "" for record in records)
        told = sent(org, task, method, f"{path}?ids={ids}&allOrNone=false", _answers(task, records))
    else:
        if task.operation is Operation.UPSERT:
            path = f"{path}/{soql.name(task.source)}/{soql.name(task.key)}"
        body = {"allOrNone": False, "records": [_formed(task, record) for record in records]}
        told = sent(org, task, method, path, _answers(task, records), body)
    return told


T = TypeVar("T")


def sent(
    org: Salesforce,
    task: Task,
    method: str,
    path: str,
    read: Callable[[requests.Response, str], T],
    body: object = None,
) -> T:
    """Send a call of this task once and return what `read` makes of its answer."""
    try:
        return read(org.call(method, path, dict(task.headers), once=True, json=body), org.system)
    except RetryableError as error:
        if error.may_be_done:
            raise unclear(task, error.code, error.message) from error
        raise


def unclear(task: Task, code: str, message: str) -> RetryableError | UnknownOutcomeError:
    """Return what a lost answer means: only a create would do harm if it were done again."""
    if task.operation is Operation.CREATE:
        return UnknownOutcomeError(code, message)
    return RetryableError(code, message, may_be_done=True)


def _formed(task: Task, record: Record) -> dict[str, Any]:
    named = {"Id": record.id} if task.operation is Operation.UPDATE else {}
    return {"attributes": {"type": task.source}, **named, **record.values}


def _answers(task: Task, records: Sequence[Record]) -> Callable[[requests.Response, str], list[Answer]]:
    """Return what reads the answer to a call: one answer to each record, in their order."""

    def read(answer: requests.Response, system: str) -> list[Answer]:
        told = Document.all_of(answer, system)
        if len(told) != len(records):
            reason = f"{len(told):,} answers to {len(records):,} records of {task.source}"
            raise MalformedAnswerError(system, request_of(answer), reason)
        return [_answer(task, record, one) for record, one in zip(records, told, strict=True)]

    return read


def _answer(task: Task, record: Record, told: Document) -> Answer:
    """Return the answer of one record."""
    if told.flag("success"):
        created = told.flag("created", task.operation is Operation.CREATE)
        return Answer(Verdict.ACCEPTED, told.key("id"), created)
    told.only("errors")
    errors = [(e.text("statusCode"), e.text("message", ""), e.texts("fields")) for e in told.parts("errors")]
    return refused(task, told.text("id", "") or None, errors, record.values)


Error = tuple[str, str, Sequence[str]]  # code, message, and the fields that are blamed


def refused(
    task: Task, record_id: str | None, errors: Sequence[Error], sent: Mapping[str, object] | None = None
) -> Answer:
    """Return the answer that the errors of a record mean: the first, with the fields that any of them blames.

    A lock that the org's own code ran into shows in its text alone. A value that another record has already is not
    left out of a new record, which would double that one.

    Args:
        sent: the values of the record, one of which an error may repeat.
    """
    code, message, _ = errors[0] if errors else ("", "", ())
    passing = code in answers.PASSING_OF_ONE or answers.LOCKED in message
    doubles = task.operation is not Operation.UPDATE and any(one in answers.DOUBLES for one, _, _ in errors)
    found = [] if doubles else [(one, said, fields or answers.named(said, sent or {})) for one, said, fields in errors]
    blames = tuple(blame for one, said, fields in found for blame in blamed(fields, one, said))
    return Answer(Verdict.RETRY if passing else Verdict.REJECTED, record_id, code=code, message=message, blames=blames)
