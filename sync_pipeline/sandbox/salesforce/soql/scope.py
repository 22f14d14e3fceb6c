"""What names mean inside one query: its object, its parents by left joins, and what the user may not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.errors import pointed
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.sight import PROMPT, Lateness
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.soql.ast import Path, Query

MAX_PARENTS = 5

# Through a polymorphic reference (Who, What, the owner of a lead) only fields of the "Name" object are seen.
NAME_FIELDS = (
    "Id",
    "Alias",
    "Email",
    "FirstName",
    "IsActive",
    "LastName",
    "Name",
    "Phone",
    "ProfileId",
    "RecordTypeId",
    "Title",
    "Username",
    "UserRoleId",
)
_REFERENCE = (
    "If you are attempting to use a custom {what}, be sure to append the '{suffix}' after the custom {where} name."
    " Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True)
class Reader:
    """Who asks, and which records that shows: the recycle bin or not, late-visible ones or not."""

    org: Org
    user: str | None = None
    deleted: bool = False
    late: Callable[[str], Lateness] = lambda name: PROMPT

    def relation(self, name: str) -> str:
        return self.org.relation(name, self.user, self.deleted, self.late(name))

    def object(self, name: str) -> SObject | None:
        found = self.org.schema.get(name)
        return None if found is None or found.name in self.org.hidden_objects(self.user) else found


@dataclass(frozen=True)
class Source:
    """A joined record: `alias` in SQL, the object it is of (several, if polymorphic), the reference that names it."""

    alias: str
    objects: tuple[SObject, ...]
    reference: str = ""

    @property
    def is_polymorphic(self) -> bool:
        return len(self.objects) > 1

    def column(self, name: str) -> str:
        return f"{self.alias}.{quote(name)}"


@dataclass(frozen=True)
class Found:
    """A field a path led to, with the parents passed on the way as (relationship name, source)."""

    source: Source
    field: Json
    parents: tuple[tuple[str, Source], ...]

    @property
    def sql(self) -> str:
        return self.source.column(self.field["name"])


class Scope:
    """The names of one query."""

    def __init__(self, reader: Reader, query: Query, found: SObject, prefix: str = "t") -> None:
        self.reader = reader
        self.query = query
        self.base = Source(f"{prefix}0", (found,))
        self._prefix = prefix
        self._joined: dict[tuple[str, str], tuple[str, Source]] = {}
        self._joins: list[str] = []

    @property
    def object(self) -> SObject:
        return self.base.objects[0]

    def from_sql(self) -> str:
        return " ".join([f"{self.reader.relation(self.object.name)} as {self.base.alias}", *self._joins])

    def field(self, path: Path, start: Source | None = None) -> Found:
        """Return the field a path names, joining the parents it passes; it begins at `start`, else at the object.

        Raises:
            ApiError: INVALID_FIELD, with the recorded text.
        """
        names = path.names if start else self._without_alias(path.names)
        source, parents = self.parents(path, names[:-1], start)
        return Found(source, self._in_source(source, names[-1], path), parents)

    def parents(
        self, path: Path, names: tuple[str, ...] | None = None, start: Source | None = None
    ) -> tuple[Source, tuple[tuple[str, Source], ...]]:
        """Return the record that relationships lead to, by default those of the whole path, and all on the way."""
        names = self._without_alias(path.names) if names is None else names
        if len(names) > MAX_PARENTS:
            self.refuse(
                path, f"SOQL only supports up to {MAX_PARENTS} levels of parent relationships", "MALFORMED_QUERY"
            )
        source, passed = start or self.base, []
        for name in names:
            relationship, source = self._parent(source, name, path)
            passed.append((relationship, source))
        return source, tuple(passed)

    def _without_alias(self, names: tuple[str, ...]) -> tuple[str, ...]:
        first = names[0].lower()
        for joined, alias in self.query.joined:
            if first == alias.lower():
                return self._without_alias(joined.names) + names[1:]
        own = {self.object.name.lower(), (self.query.alias or "").lower(), str(self.query.source).lower()}
        is_own = len(names) > 1 and first in own
        # A relationship to a parent goes before an alias of the same name.
        return names[1:] if is_own and self.object.reference(names[0]) is None else names

    def _in_source(self, source: Source, name: str, path: Path) -> Json:
        org, user = self.reader.org, self.reader.user
        if source.is_polymorphic:
            if name.lower() == "type":
                return {"name": "Type", "type": "string", "filterable": True, "sortable": True, "groupable": True}
            allowed = {field.lower() for field in NAME_FIELDS}
            fields = (org.field(o, name, user) for o in source.objects if name.lower() in allowed)
        else:
            fields = (org.field(o, name, user) for o in source.objects)
        field = next((f for f in fields if f), None)
        if field is None:
            owner = "Name" if source.is_polymorphic else source.objects[0].name
            reference = _REFERENCE.format(what="field", suffix="__c", where="field")
            self.refuse(path, f"No such column '{name}' on entity '{owner}'. {reference}")
        return field

    def _parent(self, source: Source, name: str, path: Path) -> tuple[str, Source]:
        key = (source.alias, name.lower())
        if key in self._joined:
            return self._joined[key]
        reference = None if source.is_polymorphic else source.objects[0].reference(name)
        hidden = self.reader.org.hidden_fields(source.objects[0].name, self.reader.user)
        seen = [self.reader.object(name) for name in reference["referenceTo"]] if reference else []
        targets = tuple(o for o in seen if o is not None)
        if reference is None or not targets or reference["name"] in hidden:
            advice = _REFERENCE.format(what="relationship", suffix="__r", where="relationship")
            self.refuse(path, f"Didn't understand relationship '{name}' in field path. {advice}")
        joined = self._join(targets, source.column(reference["name"]))
        self._joined[key] = (reference["relationshipName"], joined)
        return self._joined[key]

    def narrowed(self, source: Source, found: SObject) -> Source:
        """Return a polymorphic parent as a record of one of its objects, with all of that object's fields."""
        key = (source.alias, found.name)
        if key not in self._joined:
            self._joined[key] = (found.name, self._join((found,), source.reference))
        return self._joined[key][1]

    def _join(self, objects: tuple[SObject, ...], reference: str) -> Source:
        joined = Source(f"{self._prefix}{len(self._joins) + 1}", objects, reference)
        relation = self._names(objects) if joined.is_polymorphic else self._whole(objects[0])
        self._joins.append(f"left join {relation} as {joined.alias} on {joined.alias}.Id = {reference}")
        return joined

    def _whole(self, found: SObject) -> str:
        """A parent is shown even from the recycle bin: the child still names it."""
        return Reader(self.reader.org, self.reader.user, deleted=True).relation(found.name)

    def _names(self, objects: tuple[SObject, ...]) -> str:
        parts = []
        for found in objects:
            columns = [f"{quote(name)}" if name in found.columns else f"null as {quote(name)}" for name in NAME_FIELDS]
            parts.append(f'select {text(found.name)} as "Type", {", ".join(columns)} from {self._whole(found)}')
        return f"({' union all by name '.join(parts)})"

    def refuse(self, path: Path, message: str, code: str = "INVALID_FIELD") -> NoReturn:
        raise pointed(self.query.text, path.at, message, code)


def children(reader: Reader, parent: SObject, query: Query) -> tuple[str, SObject, Json]:
    """Return relationship name, object and reference field of a child subquery's FROM.

    Raises:
        ApiError: INVALID_TYPE, no such relationship.
    """
    name = query.source.names[-1]
    for child in reader.org.schema.children(parent.name):
        if (child["relationshipName"] or "").lower() == name.lower():
            found = reader.object(child["childSObject"])
            if found is not None:
                return child["relationshipName"], found, found.fields[child["field"]]
    advice = _REFERENCE.format(what="relationship", suffix="__r", where="relationship")
    raise pointed(
        query.text,
        query.source.at,
        f"Didn't understand relationship '{name}' in FROM part of query call. {advice}",
        "INVALID_TYPE",
    )
