"""Custom fields of persons: the type that stands for one of the CRM's, and making them, which is for good."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.model import Field

# By the CRM's type (SPEC 11.2); every other is a text. Long texts are none that a call can make.
TYPES = {
    "boolean": "boolean", "int": "integer", "long": "integer", "currency": "currency", "percent": "percent",
    "date": "date", "datetime": "datetime", "email": "email", "phone": "phone", "url": "url",
}  # fmt: skip
LONGEST = 255
AT_ONCE = 300


def type_of(field: Field) -> str:
    """Return Marketo's type for a field of the CRM's, "" where no call can make a field that holds its values."""
    if field.type == "double":
        return "float" if field.scale else "integer"
    return TYPES.get(field.type) or ("" if field.length > LONGEST and not field.picklist else "string")


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
    return [one["name"] for answer in answers for one in answer.get("result") or ()]
