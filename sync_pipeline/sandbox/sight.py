"""Who may see what: hidden objects, fields and records, the recycle bin, stamps too young to be seen."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sync_pipeline.sandbox.describe import Json
from sync_pipeline.sandbox.schema import SObject
from sync_pipeline.sandbox.store import Store, quote, text

ROW = "_row"  # the row number that a relation shows beside the fields; no API name begins so


class Sight(Store):
    """A store seen with the eyes of its users. A `user` of None means everybody."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._hidden_fields: set[tuple[str, str, str | None]] = set()
        self._hidden_objects: set[tuple[str, str | None]] = set()
        self._hidden_records: list[tuple[str, str, str | None]] = []

    def hide_field(self, name: str, field: str, user: str | None = None) -> None:
        """Take away field-level read access: describe and queries no longer know the field."""
        found = self.schema[name]
        self._hidden_fields.add((found.name, found.fields[field]["name"], user))
        self._changed_at[found.name] = self.now()

    def show_field(self, name: str, field: str, user: str | None = None) -> None:
        """Give it back."""
        self._hidden_fields.discard((self.schema[name].name, field, user))
        self._changed_at[self.schema[name].name] = self.now()

    def hide_object(self, name: str, user: str | None = None) -> None:
        self._hidden_objects.add((self.schema[name].name, user))

    def hide_records(self, name: str, condition: str, user: str | None = None) -> None:
        """Hide the records for which a SQL condition over the object's columns is true."""
        self._hidden_records.append((self.schema[name].name, condition, user))

    def hidden_records(self, name: str, user: str | None) -> list[str]:
        """Return the SQL conditions of the records that a user does not see."""
        return [
            condition for object_, condition, whom in self._hidden_records if object_ == name and whom in (None, user)
        ]

    def hidden_objects(self, user: str | None) -> set[str]:
        return {name for name, whom in self._hidden_objects if whom in (None, user)}

    def hidden_fields(self, name: str, user: str | None) -> set[str]:
        found = self.schema[name].name
        return {field for object_, field, whom in self._hidden_fields if object_ == found and whom in (None, user)}

    def field(self, found: SObject, name: str, user: str | None) -> Json | None:
        """Return the field as this user sees it, None where it is hidden or absent."""
        field = found.field(name)
        return None if field is None or field["name"] in self.hidden_fields(found.name, user) else field

    def relation(self, name: str, user: str | None, deleted: bool = False, late_seconds: float = 0) -> str:
        """Return the SQL relation of the records a user sees.

        `deleted` shows the recycle bin as well; `late_seconds` hides what was stamped less long ago.
        """
        found = self.schema[name]
        hidden = [f"not coalesce({condition}, false)" for condition in self.hidden_records(found.name, user)]
        if not deleted and "IsDeleted" in found.columns:
            hidden.append("not IsDeleted")
        if late_seconds and "SystemModstamp" in found.columns:
            now = text(self._clock().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
            hidden.append(f"SystemModstamp <= timestamp {now} - interval ({late_seconds}) second")
        computed = [f"({sql}) as {quote(field)}" for field, sql in found.formulas.items()]
        columns = ", ".join(["*", *computed, f"rowid as {ROW}"])
        where = f" where {' and '.join(hidden)}" if hidden else ""
        return f"(select {columns} from {quote(found.name)}{where})"
