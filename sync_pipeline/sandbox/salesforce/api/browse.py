"""An org as the pages in the browser see it: the same sight and the same rules of writing as any client's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.site.system import (
    Asked,
    Link,
    Object,
    Record,
    RefusedError,
    Related,
    Rows,
    Shown,
    Tally,
)
from sync_pipeline.sandbox.salesforce.api import life
from sync_pipeline.sandbox.salesforce.api.browse_objects import condition, name_field, shown_object
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.population import live
from sync_pipeline.sandbox.salesforce.rules.writer import Options, Writer
from sync_pipeline.sandbox.salesforce.sessions import Sessions

CANDIDATES = 1_000  # more records than these are no list to choose from
CHILDREN = 5
_AUTHORS = ("OwnerId", "CreatedById", "LastModifiedById")  # by these a user has everything in the org as children


class OrgSystem:
    """See `System`. `address` is where clients log in."""

    def __init__(self, org: Org, sessions: Sessions, address: str) -> None:
        self.title = f"{org.schema.crm.title()} sandbox"
        self._org = org
        self._sessions = sessions
        self._address = address

    def users(self) -> Sequence[tuple[str, str]]:
        """Return the active people, the first of them not the one that integrations log in as."""
        if "User" not in self._org.schema:
            return []
        sql = 'select Id, Name from "User" where IsActive order by Id = ?, Name limit 200'
        with self._org.cursor() as cursor:
            return cursor.execute(sql, [self._org.user_id]).fetchall()

    def facts(self) -> Sequence[tuple[str, str]]:
        sessions = self._sessions
        return [
            ("Clients log in at", self._address),
            ("API calls today", f"{sessions.used:,} of {sessions.allowed:,}"),
            ("Time of the org", f"{self._org.now():%Y-%m-%d %H:%M:%S} UTC"),
        ]

    # Reading

    def tallies(self, user: str) -> Sequence[Tally]:
        hidden = self._org.hidden_objects(user)
        seen = sorted((o for o in self._org.schema if o.name not in hidden), key=lambda o: o.describe["labelPlural"])
        tallies = []
        with self._org.cursor() as cursor:
            for found in seen:
                binned = "count(*) filter (where IsDeleted)" if "IsDeleted" in found.columns else "0"
                relation = self._org.relation(found.name, user, deleted=True)
                total, gone = cursor.execute(f"select count(*), {binned} from {relation}").fetchone() or (0, 0)
                tallies.append(Tally(found.name, found.describe["labelPlural"], total - gone, gone))
        return tallies

    def object(self, name: str, user: str) -> Object | None:
        found = self._org.schema.get(name)
        if found is None or found.name in self._org.hidden_objects(user):
            return None
        hidden = self._org.hidden_fields(found.name, user)
        return shown_object(found, hidden, self._org.rules.locked_fields(found.name, user))

    def rows(self, obj: Object, asked: Asked, user: str) -> Rows:
        found = self._org.schema[obj.name]
        relation = self._org.relation(found.name, user, deleted=asked.binned)
        where, values = condition(obj, asked)
        listed = ", ".join(quote(name) for name in dict.fromkeys(("Id", *obj.columns)))
        direction = "desc" if asked.descending else "asc"
        sql = f"select {listed} from {relation} where {where} order by {quote(asked.order)} {direction} nulls last, Id"
        with self._org.cursor() as cursor:
            counted = cursor.execute(f"select count(*) from {relation} where {where}", values).fetchone()
            cursor.execute(f"{sql} limit {asked.most:d} offset {asked.start:d}", values)
            names = [column[0] for column in cursor.description or ()]
            records = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return Rows(records, counted[0] if counted else 0, self._links(obj, records, user))

    def record(self, obj: Object, record: str, user: str) -> Shown | None:
        found = self._org.schema[obj.name]
        with self._org.cursor() as cursor:
            cursor.execute(f"select * from {self._org.relation(found.name, user, deleted=True)} where Id = ?", [record])
            names, row = [column[0] for column in cursor.description or ()], cursor.fetchone()
        if row is None:
            return None
        values = dict(zip(names, row, strict=True))
        title, is_deleted = str(values[name_field(found)] or record), bool(values.get("IsDeleted"))
        seen = {name: values[name] for name in obj.fields if name not in ("Id", "IsDeleted")}
        return Shown(record, title, seen, self._links(obj, [seen], user), is_deleted)

    def related(self, obj: Object, record: str, user: str) -> Sequence[Related]:
        children = []
        for one in self._org.schema.children(obj.name):
            child = self.object(one["childSObject"], user) if one["childSObject"] in self._org.schema else None
            if child is None or one["field"] not in child.fields or one["field"] in _AUTHORS:
                continue
            asked = Asked(order=child.newest, most=CHILDREN, where={one["field"]: record})
            children.append(Related(child, one["field"], self.rows(child, asked, user)))
        return sorted(children, key=lambda child: (-bool(child.rows.total), child.object.plural))

    def candidates(self, obj: Object, user: str) -> Mapping[str, Mapping[str, str]]:
        of_targets: dict[tuple[str, ...], dict[str, str]] = {}
        fields = self._org.schema[obj.name].fields
        references = [f for f in obj.fields.values() if f.kind == "reference" and (f.can_create or f.can_update)]
        targets = {f.name: tuple(fields[f.name]["referenceTo"]) for f in references}
        for names in set(targets.values()):
            of_targets[names] = self._choices(names, user)
        return {name: of_targets[named] for name, named in targets.items() if of_targets[named]}

    def _choices(self, names: Iterable[str], user: str) -> dict[str, str]:
        """Return ids and names of all records of some objects, nothing if they are too many."""
        choices: dict[str, str] = {}
        for found in (self._org.schema.get(name) for name in names):
            if found is None:
                continue
            name = quote(name_field(found))
            relation = self._org.relation(found.name, user)
            sql = f"select Id, coalesce({name}, Id) from {relation} order by 2 limit {CANDIDATES + 1}"
            with self._org.cursor() as cursor:
                choices |= dict(cursor.execute(sql).fetchall())
        return choices if len(choices) <= CANDIDATES else {}

    def _links(self, obj: Object, records: Sequence[Record], user: str) -> dict[str, Link]:
        """Return what the records that these refer to are called, as far as the user sees them."""
        groups: dict[str, set[str]] = defaultdict(set)
        references = [name for name, field in obj.fields.items() if field.kind == "reference"]
        for value in (record.get(name) for record in records for name in references):
            if value:
                groups[value[:3]].add(value)
        links: dict[str, Link] = {}
        hidden = self._org.hidden_objects(user)
        for target, ids in ((self._org.schema.by_prefix(prefix), ids) for prefix, ids in groups.items()):
            if target is None or target.name in hidden:
                continue
            relation = self._org.relation(target.name, user, deleted=True)
            sql = f"select Id, {quote(name_field(target))} from {relation} where Id in (select unnest(?))"
            with self._org.cursor() as cursor:
                named = cursor.execute(sql, [list(ids)]).fetchall()
            links |= {record: Link(target.name, str(name or record)) for record, name in named}
        return links

    # Writing

    def create(self, obj: Object, values: Mapping[str, str], user: str, allow_duplicates: bool) -> str:
        return _accepted(lambda: self._writer(user, allow_duplicates).create(obj.name, [values]))

    def update(self, obj: Object, record: str, values: Mapping[str, str], user: str, allow_duplicates: bool) -> None:
        _accepted(lambda: self._writer(user, allow_duplicates).update(obj.name, [(record, values)]))

    def delete(self, obj: Object, record: str, user: str) -> None:
        _accepted(lambda: self._writer(user).delete([record], obj.name))

    def undelete(self, obj: Object, record: str, user: str) -> None:
        _accepted(lambda: life.undelete(self._writer(user), [record]))

    def _writer(self, user: str, allow_duplicates: bool = False) -> Writer:
        """Faults do not meet the pages: they are for the clients that one watches."""
        return Writer(self._org, user, "csv", Options(allow_duplicates=allow_duplicates))

    def work(self, count: int, seed: int) -> Sequence[str]:
        return [str(done) for done in live.edit(self._org, count, seed)]


def _accepted(write: Callable[[], list[Outcome]]) -> str:
    """Return the id of the one record written."""
    try:
        (outcome,) = write()
    except ApiError as error:
        raise _refused(error) from None
    if outcome.error:
        raise _refused(outcome.error)
    return outcome.id or ""


def _refused(error: ApiError) -> RefusedError:
    said = [(f"{one.message} ({one.code})", tuple(one.fields or ())) for one in (error, *error.also)]
    return RefusedError(said, by_duplicates=error.code == "DUPLICATES_DETECTED")
