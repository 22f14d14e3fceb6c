"""Custom fields of persons: the type that stands for one of the CRM's, and making them, which is for good."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.model import Field

# By the CRM's type (SPEC 11.2); numbers see `_number`, every other is a text. Long texts are none that a call can make.
TYPES = {
    "boolean": "boolean", "int": "integer", "date": "date", "datetime": "datetime", "email": "email", "phone": "phone",
    "url": "url",
}  # fmt: skip
NUMBERS = frozenset({"double", "currency", "percent"})
LONGEST = 255
WHOLE_DIGITS, DIGITS = 9, 15  # of a number that 32 bits hold, and that a float holds without losing one
AT_ONCE = 300


def type_of(field: Field) -> str:
    """Return Marketo's type for a field of the CRM's, "" where no call can make a field that holds all its values."""
    if field.type in NUMBERS:
        return _number(field)
    if kind := TYPES.get(field.type):
        return kind
    longest = field.length
    if field.picklist:
        several = field.type == "multipicklist"
        longest = len(";".join(field.picklist)) if several else max(map(len, field.picklist))
    return "string" if longest <= LONGEST else ""


def _number(field: Field) -> str:
    """Return the type of a number: where Marketo's would lose a digit, a text."""
    is_whole = not field.scale and field.type != "currency"
    if field.precision > (WHOLE_DIGITS if is_whole else DIGITS):
        return "string"
    if field.type == "currency":
        return "currency"
    if field.scale:
        return "float"  # Marketo's percentage is a whole number
    return "percent" if field.type == "percent" else "integer"


def make(calls: Calls, wanted: Sequence[Field], taken: Collection[str] = ()) -> list[str]:
    """Create fields of persons that are called as the CRM's are; return their names.

    Args:
        taken: labels that Marketo has already; each can be there once.

    Raises:
        RejectedError: it is not permitted (603), a name is taken (1017), or there are too many (1003).
    """
    used, told = {label.lower() for label in taken}, []
    for field in wanted:
        label = " ".join(re.sub(r"[^A-Za-z0-9]", " ", field.label).split())
        if not label or label.lower() in used:
            label = " ".join([label, *filter(None, field.name.split("_"))]).strip()
        used.add(label.lower())
        told.append({"name": field.name, "displayName": label, "dataType": type_of(field)})
    parts = (told[start : start + AT_ONCE] for start in range(0, len(told), AT_ONCE))
    answers = [calls.post("/rest/v1/leads/schema/fields.json", {"input": part}) for part in parts]
    return [one.text("name") for answer in answers for one in answer.parts("result")]
