"""Between a record and a form: values as texts, and the fields that a form that comes back has changed.

A form carries each value twice, as shown and as edited; only what differs is written. So two people, or a person and a
sync, who edit different fields of one record do not undo each other's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from sync_pipeline.sandbox.core.site.system import Field, Object

EDITED, SHOWN = "is.", "was."


def writable(obj: Object, creating: bool) -> list[Field]:
    """Return the fields of a form: what is required first, then what lists show."""
    fields = [f for f in obj.fields.values() if (f.can_create if creating else f.can_update)]
    return sorted(fields, key=lambda f: (not f.is_required, f.name not in obj.columns))


def text(value: Any) -> str:
    """Return a value as an input shows it; times as browsers send them back, which is in the shortest form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None, microsecond=0).isoformat().removesuffix(":00")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _lines(str(value))


def texts(fields: Iterable[Field], record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a form shows of a record; a flag that has no value is off."""
    return {f.name: text(record.get(f.name)) or ("false" if f.kind == "flag" else "") for f in fields}


def edited(fields: Iterable[Field], form: MultiDict[str, str]) -> dict[str, str]:
    """Return all texts that a form has come back with."""
    return {f.name: _edited(f, form) for f in fields}


def shown(fields: Iterable[Field], form: MultiDict[str, str]) -> dict[str, str]:
    """Return the texts that a form was sent out with."""
    return {f.name: _lines(form.get(SHOWN + f.name, "")) for f in fields}


def _edited(field: Field, form: MultiDict[str, str]) -> str:
    name = EDITED + field.name
    if field.kind == "flag":
        return "true" if name in form else "false"
    if field.kind == "choices":
        return ";".join(form.getlist(name))
    return _lines(form.get(name, ""))


def _lines(value: str) -> str:
    """Browsers send every line break as CR LF."""
    return value.replace("\r\n", "\n")
