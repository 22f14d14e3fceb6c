"""All that the catalog pairs, in memory: records of many objects on both sides, their mirrors in a lake, and a clock.

The objects have the fields that the sandboxes describe; the records are those of `world.System`, one for each object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.marketo import answers as marketo_answers
from sync_pipeline.connectors.marketo.kinds import kind_of
from sync_pipeline.connectors.records import Answer, Operation, Record, Value
from sync_pipeline.connectors.salesforce import answers as crm_answers
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.types import column_type, readable
from sync_pipeline.mirror.merge import Merge, merge
from sync_pipeline.model import Describe, Field, Object, Pairing, Window
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.marketo.records import standard
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.salesforce.org.schema import describe_object
from sync_pipeline.sync.identity.succession import Settling, settle
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.sync_pass import Pass, Side
from sync_pipeline_tests.mirror.copies import at, landed
from sync_pipeline_tests.sync.world import System, text

MARKETO = {found.name: found for found in standard.objects()}


def marketo_fields(found: ObjectType) -> tuple[Field, ...]:
    """Return the fields of an object as the sandbox's describe tells them."""
    shown = {"fields": [f.in_describe() for f in found.fields.values()], "dedupeFields": list(found.dedupe)}
    return tuple(marketo_answers.record_fields(Document(shown)))


def described(obj: Object, schema: Schema) -> Describe:
    """Return what a sandbox says of an object."""
    if obj.system == "marketo":
        return Describe(obj.source, marketo_fields(MARKETO[obj.source]))
    fields = [crm_answers.field(Document(told)) for told in describe_object(schema, obj.source, "62.0")["fields"]]
    told = Describe(obj.source, tuple(fields))
    return Describe(obj.source, readable(obj, told))


@dataclass
class Router:
    """One side: hands the records of each object to the `System` that keeps them."""

    systems: dict[str, System]
    clock: Any
    order: list[tuple[str, Operation]] = field(default_factory=list)

    def now(self) -> datetime:
        found: datetime = self.clock()
        return found

    def usage(self) -> Usage:
        return Usage(sum(system.calls for system in self.systems.values()), 0)

    def author(self) -> str:
        return ""

    def __getitem__(self, source: str) -> System:
        return self.systems[source]

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        self.order += [(obj.source, operation)] * len(records)
        for record in records:
            if operation is Operation.CONVERT and record.values and record.into:
                self.systems["Contact"].edit(record.into, **record.values)
        return self.systems[obj.source].write(obj, operation, records, key)


class Many:
    """Give `pairings` with systems of records; `crm["Contact"].edit(...)` makes or changes one."""

    def __init__(
        self,
        lake: Lake,
        folder: Path,
        pairings: Sequence[Pairing],
        more: Mapping[str, Describe] | None = None,
        besides: Sequence[Object] = (),
        schema: Schema | None = None,
    ) -> None:
        self.lake, self.folder, self.pairings = lake, folder, tuple(pairings)
        self.minute = 0
        self.rules = SyncPolicy()
        schema = schema or Schema.standard()
        found = {o.title: o for o in (*besides, *(o for p in pairings for o in (p.crm, p.marketo)))}
        self.objects: Sequence[Object] = list(found.values())
        self.described = {
            (o.system, o.source): (more or {}).get(o.source) or described(o, schema) for o in self.objects
        }
        self.crm, self.marketo = (
            Router({o.source: self._system(o, schema) for o in self.objects if (o.system == "marketo") == (side == 1)},
                   self.now)
            for side in (0, 1)
        )  # fmt: skip
        with lake.transaction() as con:
            for obj in self.objects:
                table.create_mirror(con, obj, self._types(obj))

    def _system(self, obj: Object, schema: Schema) -> System:
        if obj.system == "marketo":
            return System(
                "",
                obj.key,
                obj.stamp,
                self.now,
                deleted=obj.deleted if obj.deleted in self._types(obj) else "",
                master=obj.master,
                dedupe=kind_of(obj.source).dedupe,
            )
        prefix = schema[obj.source].describe["keyPrefix"] if obj.source in schema else "a09"
        return System(prefix, obj.key, obj.stamp, self.now)

    def _types(self, obj: Object) -> dict[str, str]:
        return {f.name: column_type(f) for f in self.described[obj.system, obj.source].fields}

    def now(self) -> datetime:
        return at(self.minute)

    def read(self, *sources: str) -> None:
        """Read what changed on both sides, or only of these objects, into the mirrors."""
        self.minute += 1
        objects = [obj for obj in self.objects if not sources or obj.source in sources]
        with self.lake.transaction() as con:
            for obj in objects:
                system = (self.marketo if obj.system == "marketo" else self.crm)[obj.source]
                page = [{name: text(value) for name, value in system.records[i].items()} for i in sorted(system.moved)]
                system.moved.clear()
                if page:
                    landing = landed(self.folder / obj.name, obj, [page], list(self._types(obj)))
                    merge(con, Merge(obj, self._types(obj), f"read{self.minute}", self.now()), landing)
            windows = [(obj, Window(None, self.now())) for obj in objects]
            ledger.move_watermarks(con, windows, self.now())

    def sync(self, apply: bool = True, rules: SyncPolicy | None = None) -> dict[str, Synced]:
        """Decide, and where it is asked for, write."""
        self.minute += 1
        return {synced.pairing.name: synced for synced in self.next_pass(apply, rules).run(self.now())}

    def next_pass(self, apply: bool = False, rules: SyncPolicy | None = None) -> Pass:
        sides: dict[str, Side] | None = {"crm": self.crm, "marketo": self.marketo} if apply else None
        return Pass(self.lake, self.pairings, self.described, f"run{self.minute}", rules or self.rules, sides)

    def settle(self) -> None:
        """Settle the links as the next pass would; doing it again must change nothing."""
        known = Settling([q.pairing for q in self.next_pass().requests()], f"run{self.minute}", self.now())
        links = f"select * exclude (agreed) from {ledger.table('link')} order by all"
        settle(self.lake, known)
        settled = self.lake.rows(links)
        settle(self.lake, known)
        again = self.lake.rows(links)
        assert again == settled, f"settled only by the second pass: {set(again) ^ set(settled)}"

    def cycle(self, rules: SyncPolicy | None = None) -> dict[str, Synced]:
        self.read()
        return self.sync(rules=rules)

    def settled(self) -> dict[str, Synced]:
        """Go through cycles until nothing is written and what waits is the same; return the last one."""
        waiting = f"select pairing, crm_id from {ledger.table('pending')} order by all"
        for _ in range(6):
            before = len(self.crm.order), len(self.marketo.order), self.lake.rows(waiting)
            done = self.cycle()
            if (len(self.crm.order), len(self.marketo.order), self.lake.rows(waiting)) == before:
                return done
        raise AssertionError("each cycle writes again")

    def marketo_values(self, source: str, *names: str) -> list[tuple[Value, ...]]:
        """Return these values of Marketo's living records of an object, sorted."""
        found = (tuple(record.get(name) for name in names) for record in self.marketo[source].living.values())
        return sorted(found, key=str)
