"""What the batches of Bulk API 1 writes hold, and what they answer, in CSV, JSON and XML."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sync_pipeline.sandbox.salesforce.bulk.ingest_files import (
    Columns,
    InvalidBatchError,
    Record,
    failure,
    key_field,
    read_rows,
)
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.rules import Form
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.xml import NAMESPACE, XML_HEAD, local

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def read_records(content_type: str, content: bytes, form: Form, operation: str, key: str | None) -> Iterator[Record]:
    """Yield the records of a batch.

    Raises:
        InvalidBatchError: the batch as a whole cannot be taken.
    """
    if content_type == "CSV":
        rows = read_rows(content, ",")
        columns = Columns(form, next(rows, []), operation, key)
        yield from map(columns.record, rows)
        return
    wanted = key_field(operation, key)
    for given in _json(content) if content_type == "JSON" else _xml(content):
        values, record = {}, None
        for name, value in given.items():
            field = form.field(name)
            if field is None and not (isinstance(value, dict) and form.parent(name)):
                raise InvalidBatchError(f"InvalidBatch : Field name not found : {name}")
            if field and field["name"] == wanted:
                record = value
            else:
                values[name] = value
        yield record, values


def _json(content: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        records = json.loads(content)
    except ValueError as error:
        raise InvalidBatchError(f"InvalidBatch : Unable to parse the JSON: {error}") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InvalidBatchError("InvalidBatch : The content must be an array of objects")
    for record in records:
        yield {name: value for name, value in record.items() if name != "attributes"}


def _xml(content: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        # The server listens on loopback, and expat limits the growth of entities by itself.
        root = ElementTree.fromstring(content)  # noqa: S314
    except ElementTree.ParseError as error:
        raise InvalidBatchError(f"InvalidBatch : Unable to parse the XML: {error}") from None
    for element in root:
        values = _xml_values(element)
        values.pop("attributes", None)
        yield values


def _xml_values(element: ElementTree.Element) -> dict[str, Any]:
    """Return a record's values: an empty one is left alone, `xsi:nil` is null, a parent is an sObject of its own."""
    values: dict[str, Any] = {}
    for child in element:
        name = local(child)
        if name == "type":
            values = {"attributes": {"type": child.text}, **values}
        elif len(child):
            values[name] = _xml_values(child[0])
        elif child.get(_NIL) in ("true", "1"):
            values[name] = None
        elif child.text:
            values[name] = child.text
    return values


def write_outcomes(path: Path, content_type: str, outcomes: Sequence[Outcome]) -> int:
    """Write down what became of a batch's records, in order; return how many were refused."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if content_type == "CSV":
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(["Id", "Success", "Created", "Error"])
            writer.writerows(_csv_outcome(one) for one in outcomes)
        elif content_type == "JSON":
            json.dump([_json_outcome(one) for one in outcomes], file, ensure_ascii=False)
        else:
            file.write(f'{XML_HEAD}<results xmlns="{NAMESPACE}">{"".join(map(_xml_outcome, outcomes))}</results>')
    return sum(one.error is not None for one in outcomes)


def _csv_outcome(one: Outcome) -> Iterable[str]:
    return [one.id or "", *_flags(one), failure(one.error) if one.error else ""]


def _json_outcome(one: Outcome) -> dict[str, Any]:
    errors = one.error.listed() if one.error else []
    return {
        "success": one.error is None,
        "created": one.created,
        "id": one.id,
        "errors": [{**error, "extendedErrorDetails": None} for error in errors],
    }


def _xml_outcome(one: Outcome) -> str:
    success, created = _flags(one)
    errors = [one.error, *one.error.also] if one.error else []
    known = f"<id>{one.id}</id>" if one.id else ""
    written = "".join(map(_xml_error, errors))
    return f"<result>{written}{known}<success>{success}</success><created>{created}</created></result>"


def _xml_error(error: ApiError) -> str:
    fields = "".join(f"<fields>{name}</fields>" for name in error.fields or ())
    message = f"<message>{escape(error.message)}</message><statusCode>{error.code}</statusCode>"
    return f"<errors>{fields}{message}</errors>"


def _flags(one: Outcome) -> tuple[str, str]:
    return str(one.error is None).lower(), str(one.created).lower()
