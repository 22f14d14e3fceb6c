"""Deleting records, and having them back: the recycle bin, children that go along, lookups that are emptied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import Record
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.halves import Halves
from sync_pipeline.sandbox.salesforce.org.persons import LINK
from sync_pipeline.sandbox.salesforce.org.records import assign, only
from sync_pipeline.sandbox.salesforce.org.schema import SObject


class RecycleBin(Halves):
    """An org's store with a bin; what an object's describe says of its children is done to them."""

    def delete(self, name: str, records: Sequence[str]) -> None:
        """Put records into the recycle bin, still seen by queryAll, and with them the children that cannot be alone.

        Other records that look them up are left with an empty field. An object that knows no bin loses them for good.
        """
        found = self.schema[name]
        if "IsDeleted" not in found.columns:
            self.hard_delete(name, records)
            return
        with self.transaction():
            accounts, records = self.whole_persons(name, records, "not a.IsDeleted")
            if accounts:
                self.delete("Account", accounts)
            self._stamp(name, records, {"IsDeleted": True})
            for child, children in self._dependents(found, records, "not c.IsDeleted"):
                self.delete(child, children)
            self._empty_lookups(found, records)

    def undelete(self, name: str, records: Sequence[str]) -> None:
        """Take records out of the bin, and the children that went into it with them; lookups find them again."""
        with self.transaction():
            accounts, records = self.whole_persons(name, records, "a.IsDeleted")
            if accounts:
                self.undelete("Account", accounts)
            together = "c.IsDeleted and c.SystemModstamp = p.SystemModstamp"
            families = list(self._dependents(self.schema[name], records, together))
            self._stamp(name, records, {"IsDeleted": False})
            self._fill_lookups(self.schema[name], records)
            for child, children in families:
                self.undelete(child, children)

    def _dependents(self, found: SObject, records: Sequence[str], condition: str) -> Iterable[tuple[str, list[str]]]:
        """Yield, by object, the children (`c`) that live and die with these records (`p`)."""
        for child, relationship in self._children(found) if records else ():
            if not relationship["cascadeDelete"]:
                continue
            which = condition if "IsDeleted" in child.columns else "true"
            with self.cursor() as cursor:
                rows = cursor.execute(
                    f"select c.Id from {quote(child.name)} as c join {quote(found.name)} as p"
                    f" on c.{quote(relationship['field'])} = p.Id where p.Id in (select unnest(?)) and {which}",
                    [list(records)],
                ).fetchall()
            if rows:
                yield child.name, [record for (record,) in rows]

    def _children(self, found: SObject) -> Iterable[tuple[SObject, Json]]:
        for relationship in self.schema.children(found.name):
            child = self.schema.get(relationship["childSObject"])
            if child and relationship["field"] in child.columns and relationship["field"] != LINK:
                yield child, relationship

    def _empty_lookups(self, found: SObject, records: Sequence[str], remember: bool = True) -> None:
        """Empty what looks the records up, and remember it for the day they come back.

        It is the system that changes the children, not a user: only SystemModstamp moves. (How the real system stamps
        them is not documented; that it does is what a copy of the records needs.)
        """
        for child, relationship in self._children(found) if records else ():
            if relationship["cascadeDelete"]:
                continue
            field, alive = quote(relationship["field"]), "not IsDeleted" if "IsDeleted" in child.columns else "true"
            pointing = f"from {quote(child.name)} where {field} in (select unnest(?)) and {alive}"
            with self.cursor() as cursor:
                ids = [one for (one,) in cursor.execute(f"select Id {pointing}", [list(records)]).fetchall()]
                if ids and remember:
                    kept = f"insert into sandbox.emptied select ?, ?, Id, {field} {pointing}"
                    cursor.execute(kept, [child.name, relationship["field"], list(records)])
            if ids:
                self._stamp(child.name, ids, {relationship["field"]: None})

    def _fill_lookups(self, found: SObject, records: Sequence[str]) -> None:
        """Give lookups that were emptied and hold nothing else by now the records that are back."""
        which = "from sandbox.emptied where parent in (select unnest(?))"
        with self.cursor() as cursor:
            for name, field in cursor.execute(f"select distinct object, field {which}", [list(records)]).fetchall():
                if name not in self.schema or field not in self.schema[name].columns:
                    continue
                filled = cursor.execute(
                    f"update {quote(name)} as c set {quote(field)} = e.parent from (select * {which}) as e"
                    f" where e.object = ? and e.field = ? and e.id = c.Id and c.{quote(field)} is null returning c.Id",
                    [list(records), name, field],
                ).fetchall()
                self._stamp(name, [one for (one,) in filled], {})
            cursor.execute(f"delete {which}", [list(records)])

    def _stamp(self, name: str, records: Sequence[str], values: Record) -> None:
        found = self.schema[name]
        stamp = only(found, {"SystemModstamp": self.stamp(found.name)})
        with self.transaction(), self.cursor() as cursor:
            assign(cursor, found, records, {**values, **stamp})
            self.follow(name, records)

    def hard_delete(self, name: str, records: Sequence[str]) -> None:
        """Remove records for good, with the children that cannot be alone; only getDeleted still tells of them."""
        found = self.schema[name]
        deleted_at = "if(IsDeleted, SystemModstamp, ?)" if "IsDeleted" in found.columns else "?"
        with self.transaction(), self.cursor() as cursor:
            accounts, records = self.whole_persons(name, records, "true")
            if accounts:
                self.hard_delete("Account", accounts)
            families = list(self._dependents(found, records, "true"))
            self._empty_lookups(found, records, remember=False)
            cursor.execute("delete from sandbox.emptied where parent in (select unnest(?))", [list(records)])
            cursor.execute(
                f"insert into sandbox.gone select ?, Id, {deleted_at} from {quote(found.name)}"
                " where Id in (select unnest(?))",
                [found.name, self.now().replace(tzinfo=None), list(records)],
            )
            cursor.execute(f"delete from {quote(found.name)} where Id in (select unnest(?))", [list(records)])
            for child, children in families:
                self.hard_delete(child, children)
