"""The files of an ingest job: the CSV that comes in, what its columns mean, the writes, the results that go out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.rules import Form
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.rules.writer import Writer

Rows = list[list[str]]
Record = tuple[object, Mapping[str, Any]]  # the key (an id, or an external id's value) and the other fields

RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")
NULL = "#N/A"


class InvalidBatchError(Exception):
    """The file as a whole cannot be taken; the job fails with this message."""


def read_rows(content: bytes, delimiter: str, line_ending: str | None = None) -> Iterator[list[str]]:
    """Yield the rows of a CSV file, the header first; `line_ending` None allows any.

    Raises:
        InvalidBatchError: it is no CSV, or has other line ends than the job says.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidBatchError("InvalidBatch : The content is not UTF-8") from None
    first, newline, _ = text.partition("\n")
    if newline and line_ending and first.endswith("\r") != (line_ending == "CRLF"):
        message = f"LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
        raise InvalidBatchError(f"ClientInputError : {message}")
    width = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)):
            width = width or len(row)
            if row and len(row) != width:
                raise InvalidBatchError(f"InvalidBatch : Row {number} has {len(row)} fields, the header {width}")
            if row:
                yield row
    except csv.Error as error:
        raise InvalidBatchError(f"InvalidBatch : {error}") from None


def key_field(operation: str, external_id: str | None) -> str | None:
    """Return the field by which records of an operation are found."""
    return {"insert": None, "upsert": external_id}.get(operation, "Id")


class Columns:
    """What the columns of a file mean: fields, the key, and parents named by an external id (`Contact__r.Badge__c`)."""

    def __init__(self, form: Form, header: Sequence[str], operation: str, key: str | None) -> None:
        self._form = form
        self._names = [self._name(column) for column in header]
        wanted = key_field(operation, key)
        self._key = next((i for i, name in enumerate(self._names) if wanted and name == wanted), None)
        if wanted and self._key is None:
            raise InvalidBatchError(f"InvalidBatch : Field name not found : {wanted}")

    def _name(self, column: str) -> str | tuple[str, str]:
        relationship, dot, outer = column.partition(".")
        field = self._form.field(column)
        if field is None and not (dot and self._form.parent(relationship)):
            raise InvalidBatchError(f"InvalidBatch : Field name not found : {column}")
        return (relationship, outer) if field is None else str(field["name"])

    def record(self, row: Sequence[str]) -> Record:
        """Return a row's key and fields: an empty one is left alone, `#N/A` becomes null."""
        values: dict[str, Any] = {}
        for place, (name, text) in enumerate(zip(self._names, row, strict=True)):
            if text == "" or place == self._key:
                continue
            value = None if text == NULL else text
            if isinstance(name, tuple):
                values[name[0]] = {name[1]: value}
            else:
                values[name] = value
        return (row[self._key] if self._key is not None else ""), values


def write_records(
    writer: Writer, name: str, operation: str, key: str | None, records: Iterable[Record]
) -> list[Outcome]:
    """Write records of one object as a bulk job's operation says."""
    if operation == "insert":
        return writer.create(name, [values for _, values in records])
    if operation == "update":
        return writer.update(name, list(records))
    if operation == "upsert":
        return writer.upsert(name, key or "", list(records))
    return writer.delete([record for record, _ in records], name, hard=operation == "hardDelete")


class Results:
    """The three result files of a job, each with the columns of its upload."""

    def __init__(self, folder: Path, header: Sequence[str]) -> None:
        more = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}
        self._files = {name: (folder / name).open("w", encoding="utf-8", newline="") for name in RESULTS}
        self._writers = {
            name: csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n") for name, file in self._files.items()
        }
        for name, writer in self._writers.items():
            writer.writerow([*more.get(name, []), *header])

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, rows: Rows, outcomes: Sequence[Outcome]) -> int:
        """Write down what became of the rows; return how many were refused."""
        pairs = list(zip(rows, outcomes, strict=True))
        good = ([one.id, str(one.created).lower(), *row] for row, one in pairs if one.error is None)
        bad = [[one.id or "", failure(one.error), *row] for row, one in pairs if one.error]
        self._writers["successfulResults"].writerows(good)
        self._writers["failedResults"].writerows(bad)
        return len(bad)

    def unprocessed(self, rows: Iterator[list[str]] | Rows) -> None:
        self._writers["unprocessedrecords"].writerows(rows)


def failure(error: ApiError) -> str:
    """Return the text of a `sf__Error` column."""
    return ";".join(
        f"{one.code}:{one.message}:{','.join(one.fields or ())}{' ' if one.fields else ''}--"
        for one in (error, *error.also)
    )
