"""Two systems in memory and their mirrors in a lake, for tests of the two-way sync: edit, read, sync, compare.

Every event takes a minute, so that nothing happens at the same time unless a test wants it to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Describe, Direction, Field, Mapping, Object, Pairing, Rule, Window, id18
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.sync_pass import Pass
from sync_pipeline_tests.mirror.copies import Copy, at, numbers

CRM_FIELDS = (
    Field("Id", "id", updateable=False),
    Field("SystemModstamp", "datetime", updateable=False),
    Field("IsDeleted", "boolean", updateable=False),
    Field("LastName", "string", length=80, nillable=False),
    Field("Phone", "phone", length=40),
    Field("Title", "string", length=128),
    Field("HasOptedOutOfEmail", "boolean", nillable=False),
    Field("Score__c", "double"),
    Field("LeadSource", "picklist", length=255, picklist=("Web", "Fair"), restricted=True),
    Field("Email", "email", length=80),
    Field("OwnerId", "reference", length=18),
)
MARKETO_FIELDS = (
    Field("id", "integer", updateable=False),
    Field("updatedAt", "datetime", updateable=False),
    Field("externalPersonId", "string", length=255),
    Field("lastName", "string", length=255),
    Field("phone", "phone", length=255),
    Field("title", "string", length=10),
    Field("unsubscribed", "boolean"),
    Field("leadScore", "integer"),
    Field("leadSource", "string", length=255),
    Field("email", "email", length=255),
    Field("externalSalesPersonId", "string", length=255),
)
MAPPINGS = (
    Mapping("Id", "externalPersonId", "Id", Direction.CRM_TO_MARKETO, rule=Rule.CRM_ONLY),
    Mapping("LastName", "lastName", "Last Name"),
    Mapping("Phone", "phone", "Phone"),
    Mapping("Title", "title", "Title"),
    Mapping("HasOptedOutOfEmail", "unsubscribed", "Unsubscribed"),
    Mapping("Score__c", "leadScore", "Score", Direction.MARKETO_TO_CRM, rule=Rule.MARKETO_ONLY),
    Mapping("LeadSource", "leadSource", "Source"),
    Mapping("Email", "email", "Email"),
)


@dataclass
class System:
    """One side: its records, and a writer to them.

    `refuse` may return an answer other than acceptance; `before` and `after` may raise what a network raises, before or
    after a batch was done, and `halfway` between the two calls of a merge that hands values over.
    """

    prefix: str
    key: str
    stamp: str
    clock: Callable[[], datetime]
    records: dict[str, dict[str, Value]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    writes: list[tuple[Operation, str]] = field(default_factory=list)
    calls: int = 0
    tells_ids: bool = True
    refuse: Callable[[Record], Answer | None] = lambda _: None
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    halfway: Callable[[], None] = lambda: None
    deleted: str = "IsDeleted"
    master: str = "MasterRecordId"
    dead: set[str] = field(default_factory=set)
    made: int = 0
    partitions: dict[str, str] = field(default_factory=dict)
    normalise: Mapping_[str, Callable[[str], Value]] = field(default_factory=dict)  # of what the API writes, by field
    _writing: bool = False
    dedupe: tuple[str, ...] = ()  # the fields by which an upsert finds a record, unless the caller names another

    def now(self) -> datetime:
        return self.clock()

    def usage(self) -> Usage:
        return Usage(self.calls, 0)

    def author(self) -> str:
        return ""

    def edit(self, record_id: str | None = None, **values: Value) -> str:
        """Change a record, or make one; with no values it is only touched.

        What a user does is half a minute after what the sync writes: nothing happens at the very same time.
        """
        if record_id is None:
            self.made += 1
            number = self.made
            record_id = id18(f"{self.prefix}{number:012d}") if self.prefix else str(number)
            self.records[record_id] = {self.key: record_id}
        self.records[record_id].update(values)
        at = self.clock() if self._writing else self.clock() + timedelta(seconds=30)
        self.records[record_id][self.stamp] = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.moved.add(record_id)
        return record_id

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        self.calls += 1
        self.before()
        self._writing = True
        try:
            answers = [self._write(operation, record, key) for record in records]
        finally:
            self._writing = False
        self.after()
        return answers

    def delete(self, record_id: str, into: str | None = None) -> None:
        """Delete a record, or merge it into another one."""
        if not self.deleted:  # nobody tells of it
            del self.records[record_id]
            self.moved.discard(record_id)
            return
        self.dead.add(record_id)
        self.edit(record_id, **{self.deleted: True, self.master: into})

    def undelete(self, record_id: str) -> None:
        self.dead.remove(record_id)
        self.edit(record_id, **{self.deleted: False})

    def merge(self, loser: str, winner: str) -> None:
        """Merge as Marketo does: what the winner lacks it gets from the loser."""
        own = {self.key, self.stamp, self.deleted, self.master}
        lost, kept = self.records[loser], self.records[winner]
        self.edit(winner, **{n: v for n, v in lost.items() if n not in own and kept.get(n) is None})
        self.delete(loser, winner)

    @property
    def living(self) -> dict[str, dict[str, Value]]:
        return {i: record for i, record in self.records.items() if i not in self.dead}

    def _write(self, operation: Operation, record: Record, key: str) -> Answer:
        if refused := self.refuse(record):
            return refused
        found = record.id
        if operation is Operation.UPSERT:
            by = self.dedupe if key in self.dedupe else (key,)
            sought = [record.values[name] for name in by]
            all_ = self.records.items()
            found = next((i for i, r in all_ if [r.get(n) for n in by] == sought and i not in self.dead), None)
        if found in self.dead or record.into in self.dead:
            return Answer(Verdict.REJECTED, found, code="ENTITY_IS_DELETED", message="gone")
        if found and self.records[found].get("IsConverted"):
            return Answer(Verdict.REJECTED, found, code="CANNOT_UPDATE_CONVERTED_LEAD", message="converted")
        return self._done(operation, record, found)

    def _done(self, operation: Operation, record: Record, found: str | None) -> Answer:
        written = found or ""
        if operation is Operation.DELETE:
            self.delete(written)
        elif operation is Operation.MERGE:
            self.edit(record.into, **record.values)
            self.edit(written, **record.given_up)
            self.halfway()
            self.merge(written, record.into or "")
        elif operation is Operation.CONVERT:
            self.edit(written, IsConverted=True, ConvertedContactId=record.into)
        else:
            made_of = {
                n: self.normalise[n](str(v)) if v is not None and n in self.normalise else v
                for n, v in record.values.items()
            }
            written = self.edit(found, **made_of)
            self.partitions[written] = self.partitions.get(written, "") if found else record.partition
        self.writes.append((operation, written))
        return Answer(Verdict.ACCEPTED, written if self.tells_ids else None, created=found is None)


class World:
    """A CRM with contacts, a Marketo with people, their mirrors, and a clock that the test moves."""

    def __init__(
        self,
        lake: Lake,
        folder: Path,
        rule: Rule = Rule.CRM_WINS,
        mappings: tuple[Mapping, ...] = MAPPINGS,
        crm: tuple[Field, ...] = (),
        marketo: tuple[Field, ...] = (),
    ):
        """Make both systems; `crm` and `marketo` are fields that they have besides."""
        self.lake = lake
        self.minute = 0
        self.crm = System("003", "Id", "SystemModstamp", self.now)
        self.marketo = System("", "id", "updatedAt", self.now)
        number = next(numbers)
        contact = Object("salesforce", "Contact", f"contact_{number}", "", rule=rule)
        person = Object("marketo", "person", f"person_{number}", "", key="id", stamp="updatedAt")
        self.fields: dict[str, tuple[Field, ...]] = {"crm": CRM_FIELDS + crm, "marketo": MARKETO_FIELDS + marketo}
        self._copies = {
            side: Copy(lake, folder, {f.name: column_type(f) for f in self.fields[side]}, obj)
            for side, obj in (("crm", contact), ("marketo", person))
        }
        self.pairing = Pairing(
            self._copies["crm"].obj, self._copies["marketo"].obj, "externalPersonId", mappings, '"LastName" is not null'
        )
        self.rules = SyncPolicy()

    def now(self) -> datetime:
        return at(self.minute)

    def tick(self) -> None:
        self.minute += 1

    def read(self, *sides: str) -> None:
        """Read what changed on both sides, or on one, into the mirrors."""
        self.tick()
        for side in sides or ("crm", "marketo"):
            system, copy = getattr(self, side), self._copies[side]
            page = [{n: text(v) for n, v in system.records[i].items()} for i in sorted(system.moved)]
            system.moved.clear()
            if page:
                copy.take(page, minute=self.minute)
            with self.lake.transaction() as con:
                ledger.move_watermarks(con, [(copy.obj, Window(None, self.now()))], self.now())

    def sync(self, apply: bool = True, **rules: Any) -> Synced:
        """Decide, and where it is asked for, write."""
        self.tick()
        return self.next_pass(apply, **rules).run(self.now())[0]

    def next_pass(self, apply: bool, **rules: Any) -> Pass:
        described = {
            ("salesforce", "Contact"): Describe("Contact", self.fields["crm"]),
            ("marketo", "person"): Describe("person", self.fields["marketo"]),
        }
        sides = {"crm": self.crm, "marketo": self.marketo} if apply else None
        return Pass(self.lake, [self.pairing], described, f"run{self.minute}", replace(self.rules, **rules), sides)

    def cycle(self, apply: bool = True, **rules: Any) -> Synced:
        self.read()
        return self.sync(apply, **rules)

    def describe(self, side: str, name: str, **told: Any) -> None:
        """Let a side say something else of a field from now on."""
        self.fields[side] = tuple(replace(f, **told) if f.name == name else f for f in self.fields[side])

    def linked(self, **values: Value) -> tuple[str, str]:
        """Make a contact, and the person it becomes; nothing is left to be done. Returns both ids."""
        crm_id = self.crm.edit(None, **{"LastName": "Ada", "HasOptedOutOfEmail": False, **values})
        for _ in range(2):
            self.cycle()
        (found,) = [i for i, r in self.marketo.records.items() if r["externalPersonId"] == crm_id]
        self.crm.writes.clear()
        self.marketo.writes.clear()
        return crm_id, found

    def rows(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        query = f"select {columns} from {ledger.table(table)} where pairing = '{self.pairing.name}'"
        return self.lake.rows(query)

    def open_errors(self) -> list[str]:
        """Return the codes of the errors that stand."""
        names = f"'{self.pairing.crm.name}', '{self.pairing.marketo.name}'"
        query = f"select code from {ledger.table('error')} where object in ({names}) and resolved_at is null"
        return sorted(code for (code,) in self.lake.rows(query))


def text(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else str(value).lower()
