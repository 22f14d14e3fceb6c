"""Taking what has landed into a mirror: its columns first, then the records, in one transaction with what is noted.

A remembered describe may be an hour old, and a number that is described as whole may have a fraction: Salesforce keeps
what a program writes, whatever the field's number of decimals. So a value that fits no column is looked at once more,
with the fields as they are described now, before it is given up (FIELD-6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.landing import Landing
from sync_pipeline.lake.types import is_told_whole, readable
from sync_pipeline.mirror.drift import drift
from sync_pipeline.mirror.merge import Merge, fractional, merge
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import Counts, Describe, Field, Object

LONGEST_NAME = 100  # of what no name has
PULL = "Pull updates"  # OPS-5


@dataclass(frozen=True)
class Schema:
    """The fields to read, in order; `fresh` if the system was asked for them just now."""

    described: Describe
    fresh: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.described.fields)


@dataclass(frozen=True)
class Intake:
    """What landed, and how it is taken in.

    Attributes:
        names: the fields that landed, in order; None for all of the schema.
        refresh, current: see `Merge`.
    """

    obj: Object
    schema: Schema
    run_id: str
    now: datetime
    names: Sequence[str] | None = None
    refresh: bool = False
    current: bool = False


class _DoesNotFitError(Exception):
    """Some value fits no column as the fields were described; `fractions` are numbers that were told to be whole."""

    def __init__(self, fractions: Collection[str]) -> None:
        self.fractions = fractions
        super().__init__("look again")


def take_in(
    source: Source, intake: Intake, landing: Landing, note: Callable[[Connection], None] = lambda _con: None
) -> tuple[Counts, list[ledger.Error]]:
    """Take a landing into its mirror; `note` writes to the ledger in the same transaction, before the records.

    Returns:
        The counts, and the values that are none of their field's type.

    Raises:
        ConnectorError: the fields had to be asked for, and could not be.
        LakeError: the lake refused the transaction.
    """
    schema = intake.schema
    names = intake.names or schema.names
    try:
        return _take_in(source, intake, schema, names, landing, note, again=False)
    except _DoesNotFitError as found:
        told = schema if schema.fresh else ask_schema(source, intake.obj, intake.now, afresh=True)
        fields = tuple(replace(f, fractional=f.fractional or f.name in found.fractions) for f in told.described.fields)
        told = Schema(replace(told.described, fields=fields), fresh=True)
        return _take_in(source, intake, told, names, landing, note, again=True)


def _take_in(
    source: Source,
    intake: Intake,
    schema: Schema,
    names: Sequence[str],
    landing: Landing,
    note: Callable[[Connection], None],
    again: bool,
) -> tuple[Counts, list[ledger.Error]]:
    kept = evolve(source, intake.obj, schema, intake.run_id, intake.now)
    types = {name: kept[name.lower()] for name in names}
    plan = Merge(intake.obj, types, intake.run_id, intake.now, intake.refresh, intake.current)
    with source.lake.transaction() as con:
        note(con)
        counts, errors = merge(con, plan, landing)
        if errors and not again:
            numbers = {f.name for f in schema.described.fields if is_told_whole(f) and not f.fractional}
            fractions = fractional(con, plan, landing, sorted(numbers & {error.field for error in errors}))
            if fractions or not schema.fresh:
                raise _DoesNotFitError(fractions)  # nothing of it stays
        ledger.add_errors(con, intake.run_id, intake.obj, PULL, errors, intake.now)
    return counts, errors


def ask_schema(source: Source, obj: Object, now: datetime, afresh: bool = False) -> Schema:
    """Return the fields to read: as remembered, or as the system says now if that is too long ago."""
    remembered = source.remembered.get(obj.source)
    if remembered and not afresh and now - remembered[1] < source.policy.describe_age:
        return Schema(remembered[0], fresh=False)
    told = source.connector.describe(obj.source)
    if told.field(obj.key) is None:
        raise RejectedError("NO_KEY", f"{obj.source} has no field {obj.key}: it cannot be mirrored")
    return Schema(replace(told, fields=readable(obj, told)), fresh=True)


def evolve(source: Source, obj: Object, schema: Schema, run_id: str, now: datetime) -> dict[str, str]:
    """Make the mirror fit the schema, note what changed, and return the types of its columns by lower name.

    SQL names differ in more than case, so a field renamed in case only is still kept in its old column. In a
    transaction of its own, before the merge: see `merge` for why one transaction changes a mirror once. It moves no
    record, so nothing is half done if the process dies in between.
    """
    with source.lake.reading() as con:
        kept = table.fields_kept(con, obj)
        if not schema.fresh:
            return _by_lower_name(kept)
        before = ledger.remembered_describes(con, obj.system, obj.source).get(obj.source)
        was = before[0].fields if before else ()
        fields = _with_fractions(con, obj, schema.described.fields, was, kept)
        found = drift(kept, fields, was)
        widened = {**found.widened, **dict.fromkeys(found.whole, "BIGINT")}
        doubles = [name for name, kind in widened.items() if {kind, kept[name]} == {"BIGINT", "DOUBLE"}]
        unread = found.unread | table.inexact(con, obj, doubles)
    since = {f.name.lower(): f.since for f in was} | {name.lower(): now for name in unread}
    fields = tuple(replace(f, since=since.get(f.name.lower())) for f in fields)
    with source.lake.transaction() as con:
        if kept:
            for name, kind in found.added.items():
                table.add_column(con, obj, name, kind)
            for name, kind in widened.items():
                table.widen_column(con, obj, name, kind)
        else:
            table.create_mirror(con, obj, dict(found.added))
        ledger.add_notices(con, run_id, obj, found.notices, now)
        ledger.add_new_notices(con, run_id, obj, _odd(schema.described), now)
        ledger.remember_describe(con, obj, replace(schema.described, fields=fields), now)
    return _by_lower_name({**kept, **found.added, **widened})


def _by_lower_name(kinds: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): kind for name, kind in kinds.items()}


def _with_fractions(
    con: Connection, obj: Object, fields: Sequence[Field], was: Sequence[Field], kept: Mapping[str, str]
) -> tuple[Field, ...]:
    """Return the fields as described, with what is known of fractions: noted before, or seen in a column of doubles."""
    known = {f.name.lower() for f in was if f.fractional}
    columns = {name.lower(): name for name, kind in kept.items() if kind == "DOUBLE"}
    known |= {f.name.lower() for f in fields if f.fractional}
    unknown = [f.name.lower() for f in fields if is_told_whole(f) and f.name.lower() in columns.keys() - known]
    known |= {name.lower() for name in table.with_fractions(con, obj, [columns[name] for name in unknown])}
    return tuple(replace(f, fractional=True) if is_told_whole(f) and f.name.lower() in known else f for f in fields)


def _odd(described: Describe) -> list[ledger.Notice]:
    """Return what is told of fields whose names cannot be asked for, so that they are left out."""
    said = "is left out: its name holds signs that no API name has, so that it cannot be asked for"
    return [
        ledger.Notice("odd_field", name[:LONGEST_NAME], f"{name[:LONGEST_NAME]!r} {said}") for name in described.odd
    ]
