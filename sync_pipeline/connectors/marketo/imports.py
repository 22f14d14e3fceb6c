"""Bulk import of persons: files of at most 10 MB, insert or update, with the rows that failed and why (MK-REST-19)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_pipeline.connectors.bounds import Waiting
from sync_pipeline.connectors.errors import MalformedAnswerError, RejectedError
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.login import SYSTEM
from sync_pipeline.connectors.records import Answer, Record, Value, Verdict
from sync_pipeline.connectors.writes import blamed

MOST_BYTES = 10_000_000
FAILED = "IMPORT_FAILED"
DONE, OVER = "Complete", ("Failed", "Cancelled")


@dataclass(frozen=True)
class Imported:
    """What became of one file: how many persons were taken, and the rows that failed or came with a warning.

    A row is what was sent, with Marketo's reason in a column of its own.
    """

    batch: int
    taken: int
    failures: tuple[Mapping[str, str], ...]
    warnings: tuple[Mapping[str, str], ...]


def write(calls: Calls, records: Sequence[Record], key: str, poll_seconds: float) -> list[Answer]:
    """Write persons, found by the value of `key`, and return an answer to each; Marketo tells no ids of theirs.

    A field that is not among a record's values is left as it is, and so is one that is to be emptied: an import takes
    an empty cell for no value. So it is for new persons.
    """
    fields = list(dict.fromkeys(name for record in records for name in record.values))
    persons = ([record.values.get(name) for name in fields] for record in records)
    refused = {
        row[key]: next(value for name, value in row.items() if name not in fields)
        for done in import_persons(calls, fields, persons, key, poll_seconds, records[0].partition)
        for row in done.failures
    }
    return [_answer(record, refused.get(str(record.values[key]))) for record in records]


def _answer(record: Record, reason: str | None) -> Answer:
    if reason is None:
        return Answer(Verdict.ACCEPTED)
    blames = blamed(answers.fields_of(reason, record.values), FAILED, reason)
    return Answer(Verdict.REJECTED, code=FAILED, message=reason, blames=blames)


def import_persons(
    calls: Calls,
    fields: Sequence[str],
    persons: Iterable[Sequence[Value]],
    lookup: str = "email",
    poll_seconds: float = 30.0,
    partition: str = "",
) -> Iterator[Imported]:
    """Import persons, found by the field `lookup` where they exist; give the outcome of each file as it comes.

    Args:
        persons: their values in the order of `fields`.
        partition: the one that new persons belong to; Marketo's default where it is empty.

    Raises:
        UnknownOutcomeError: whether a file was taken is not known; an import may be repeated, it inserts or updates.
        RejectedError: the import as a whole failed.
    """
    asked = {"format": "csv", "lookupField": lookup, **({"partitionName": partition} if partition else {})}
    for number, file in enumerate(files(fields, persons)):
        told = calls.upload("/bulk/v1/leads.json", asked, file, f"persons-{number}.csv")
        yield _finished(calls, told.only("result").number("batchId"), fields, poll_seconds)


def files(fields: Sequence[str], persons: Iterable[Sequence[Value]], most_bytes: int = MOST_BYTES) -> Iterator[bytes]:
    """Yield CSV files, each with a header and of at most `most_bytes`."""
    head = _line(fields)
    lines, size = [head], len(head)
    for person in persons:
        line = _line(["" if value is None else _text(value) for value in person])
        if len(lines) > 1 and size + len(line) > most_bytes:
            yield b"".join(lines)
            lines, size = [head], len(head)
        lines.append(line)
        size += len(line)
    if len(lines) > 1:
        yield b"".join(lines)


def _finished(calls: Calls, batch: int, fields: Sequence[str], poll_seconds: float) -> Imported:
    root = f"/bulk/v1/leads/batch/{batch:d}"
    waiting = Waiting(calls.patience, f"import {batch} of persons")
    while True:
        told = calls.get(f"{root}.json").only("result")
        if (status := told.text("status")) == DONE:
            break
        if status in OVER:
            raise RejectedError(FAILED, f"import {batch} of persons: {told.text('message', '') or status}")
        waiting.pause(poll_seconds, status)
    failed, warned = told.number("numOfRowsFailed", 0), told.number("numOfRowsWithWarning", 0)
    return Imported(
        batch,
        told.number("numOfLeadsProcessed", 0),
        _rows(calls, f"{root}/failures.json", fields, failed) if failed else (),
        _rows(calls, f"{root}/warnings.json", fields, warned) if warned else (),
    )


def _rows(calls: Calls, path: str, fields: Sequence[str], count: int) -> tuple[Mapping[str, str], ...]:
    """Return the rows of a file, each with all that was sent and a reason.

    Raises:
        MalformedAnswerError: it has not as many as were announced, or other columns.
    """
    try:
        found = csv.DictReader(io.StringIO(calls.text(path)), restkey="", restval="", strict=True)
        rows = tuple(found)
    except csv.Error:
        raise MalformedAnswerError(SYSTEM, f"GET {path}", "what is no CSV") from None
    names = found.fieldnames or ()
    if len(rows) != count or len(names) != len(fields) + 1 or not set(fields) < set(names):
        reason = f"{len(rows):,} rows of {len(names):,} columns instead of {count:,} rows of {len(fields) + 1:,}"
        raise MalformedAnswerError(SYSTEM, f"GET {path}", reason)
    return rows


def _line(values: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
