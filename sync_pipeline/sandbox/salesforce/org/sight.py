"""Who may see what: hidden objects, fields and records, the recycle bin, stamps too young to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.store import Store, text

ROW = "_row"  # the row number that a relation shows beside the fields; no API name begins so


@dataclass(frozen=True)
class Lateness:
    """How long after its stamp a record is seen: `seconds`, or a time of its own up to `spread` seconds less."""

    seconds: float = 0
    spread: float = 0

    def condition(self, now: datetime) -> str:
        """Return the SQL condition of the records that are seen by now."""
        late = f"{self.seconds} - {self.spread} * (hash(Id, SystemModstamp) % 1000) / 999.0"
        at = text(now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
        return f"SystemModstamp <= timestamp {at} - to_milliseconds(cast(1000 * greatest(0, {late}) as bigint))"


PROMPT = Lateness()


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

    def relation(self, name: str, user: str | None, deleted: bool = False, late: Lateness = PROMPT) -> str:
        """Return the SQL relation of the records a user sees.

        `deleted` shows the recycle bin as well; `late` hides what was stamped too short a time ago.
        """
        found = self.schema[name]
        hidden = [f"not coalesce({condition}, false)" for condition in self.hidden_records(found.name, user)]
        if not deleted and "IsDeleted" in found.columns:
            hidden.append("not IsDeleted")
        if late.seconds and "SystemModstamp" in found.columns:
            hidden.append(late.condition(self._clock()))
        computed = [f"({sql}) as {quote(field)}" for field, sql in found.formulas.items()]
        columns = ", ".join(["*", *computed, f"rowid as {ROW}"])
        where = f" where {' and '.join(hidden)}" if hidden else ""
        return f"(select {columns} from {quote(found.name)}{where})"
