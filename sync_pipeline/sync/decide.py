"""The case table over all touched links of a pairing, in SQL: no record passes through Python.

Only links that a change on either side touched are looked at, and those left over from before, so the cost of a
decision does not grow with the records that nobody touched. Everything is left in temporary tables, which `plan`
reads; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Field, Object, Pairing
from sync_pipeline.sync import newcomers, on_demand, resolve
from sync_pipeline.sync.canonical import canonical
from sync_pipeline.sync.fields import Compared
from sync_pipeline.sync.resolve import Outcome

Connection = duckdb.DuckDBPyConnection
CRM, MARKETO = "crm", "marketo"


@dataclass(frozen=True)
class Question:
    """What is to be decided.

    Attributes:
        fields: the fields that are compared, see `fields.compared`.
        run_id: the cycle this is part of; records that it has planned to create count as linked already.
        referred: by name, the pairings that the fields refer to.
        truncates: whether a value that is too long is cut, with a warning, or refused (FIELD-25).
        read_from: by side, the table that holds its records, where that is not the mirror.
    """

    pairing: Pairing
    fields: Sequence[Compared]
    run_id: str
    referred: Mapping[str, Pairing] = field(default_factory=dict)
    truncates: bool = True
    read_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def crm(self) -> str:
        return self.read_from.get(CRM) or full_name(*self.pairing.crm.table)

    @property
    def marketo(self) -> str:
        return self.read_from.get(MARKETO) or full_name(*self.pairing.marketo.table)


def is_quiet(con: Connection, pairing: Pairing) -> bool:
    """Tell whether nothing changed on either side since it was last decided on, and nothing was left to be done."""
    changed = [f"exists ({changed_sql(pairing.object(side), pairing, side)})" for side in (CRM, MARKETO)]
    left = f"exists (from {ledger.table('pending')} where pairing = {literal(pairing.name)})"
    (moved,) = con.execute(f"select {' or '.join([left, *changed])}").fetchone() or (True,)
    return not moved


def decide(con: Connection, asked: Question) -> None:
    """Fill the temporary tables `touched` and `outcome`.

    `touched` holds the links to be decided and, without a `marketo_id`, the CRM records that Marketo does not know yet
    (SF-LEAD-4: nobody is looked for by e-mail). `outcome` holds one row for each of their fields: the two values, the
    base, the case that holds, what is taken, and the refusal that keeps it from being written.
    """
    _touched(con, asked)
    newcomers.find(con, asked.pairing, asked.fields, asked.referred, asked.marketo)
    con.execute("insert into touched by name select marketo_id, true as by_marketo from newcomer where complete")
    references(con, asked, "select crm_id from touched")
    outcomes(con, asked)


def decide_pair(con: Connection, asked: Question, crm_id: str | None, marketo_id: str) -> None:
    """Fill the same tables for one Marketo record and what it is in the CRM, None if it is not there.

    For who asks on demand: the records are those of `read_from`, read this minute, whatever the mirrors say.
    """
    con.execute(
        f"create or replace temp table touched as select {literal(crm_id)}::varchar as crm_id, "
        f"{literal(marketo_id)} as marketo_id, (select agreed from {ledger.table('link')} where ended_at is null "
        f"and marketo_object = {literal(asked.pairing.marketo.name)} and marketo_id = {literal(marketo_id)} limit 1) "
        "as agreed, true as by_crm, true as by_marketo"
    )
    references(con, asked, "select crm_id from touched")
    outcomes(con, asked)


def changed_sql(obj: Object, pairing: Pairing, side: str) -> str:
    """Return SQL for the ids of one side's records that changed since they were last decided on."""
    mark = (
        f"select max(detected_at) from {ledger.table('decided')} "
        f"where pairing = {literal(pairing.name)} and side = {literal(side)}"
    )
    since = f"coalesce(({mark}), timestamptz '-infinity')"
    return f"select {quoted(obj.key)}::varchar as id from {full_name(*obj.changes_table)} where _detected_at > {since}"


def _touched(con: Connection, asked: Question) -> None:
    pairing, name = asked.pairing, literal(asked.pairing.name)
    link, key = ledger.table("link"), quoted(asked.pairing.crm.key)
    con.execute(f"""
        create or replace temp table changed as
        with pending as (select crm_id from {ledger.table("pending")} where pairing = {name})
        select id, bool_or(side = 'crm') as by_crm, bool_or(side = 'marketo') as by_marketo from (
            select id, 'crm' as side from ({changed_sql(pairing.crm, pairing, CRM)})
            union all select crm_id, 'crm' from pending
            union all select crm_id, 'marketo' from pending
            union all select crm_id, 'marketo' from {link} where pairing = {name} and ended_at is null
                and marketo_id in ({changed_sql(pairing.marketo, pairing, MARKETO)})
        ) group by id
    """)
    con.execute(f"create or replace temp table held as {_held(con, asked)}")
    con.execute(f"""
        create or replace temp table touched as
        select t.id as crm_id, l.marketo_id, l.agreed, t.by_crm, t.by_marketo
        from changed t
        join {_alive(pairing.crm, pairing)} c on c.{key} = t.id
        left join {link} l on l.pairing = {name} and l.crm_id = t.id and l.ended_at is null
        left join {_alive(pairing.marketo, pairing)} m on m.{quoted(pairing.marketo.key)}::varchar = l.marketo_id
        where (l.marketo_id is null or m.{quoted(pairing.marketo.key)} is not null) and not ({unread(pairing)})
            and t.id not in (select crm_id from held)
    """)


def _held(con: Connection, asked: Question) -> str:
    """Return SQL for the new records that may be what somebody has just created on demand, to be linked in a moment.

    Taken for a stranger, such a record would become a second person in Marketo (GEN-16).
    """
    since = on_demand.creating_since(con)
    if since is None:
        return "select id as crm_id from changed where false"
    crm = asked.pairing.crm
    return (
        f"select id as crm_id from changed where id in (select {quoted(crm.key)} from {full_name(*crm.changes_table)} "
        f"where _change = 'insert' and _detected_at >= {literal(since)}) and id not in (select crm_id from "
        f"{ledger.table('link')} where pairing = {literal(asked.pairing.name)} and ended_at is null)"
    )


def unread(pairing: Pairing) -> str:
    """Return SQL that tells whether a link was written to after its mirror was last read.

    The mirror then still holds the value from before, and would be taken for an edit that undoes the write. Such a
    link is looked at again in the next cycle.
    """
    sides = ((side, pairing.object(side)) for side in (CRM, MARKETO))
    return " or ".join(
        f"coalesce(l.{side}_written_at >= (select max(watermark) from {ledger.table('watermark')} "
        f"where system = {literal(obj.system)} and object = {literal(obj.name)}), false)"
        for side, obj in sides
    )


def references(con: Connection, asked: Question, looked_at: str) -> None:
    """Fill `known` and `expected`: what is and what will be in Marketo of all that these CRM records refer to.

    In a plan, the parents that it would create are known too, but not yet by an id of Marketo's.
    """
    key = quoted(asked.pairing.crm.key)
    referred = [
        f"select {literal(name)} as pairing, {quoted(source.name)} as crm_id from {asked.crm} "
        f"where {key} in ({looked_at})"
        for f in asked.fields
        for source in f.sources
        for name in f.refers_to
    ] or ["select null::varchar as pairing, null::varchar as crm_id where false"]
    con.execute(f"create or replace temp table referred as {' union '.join(referred)}")
    con.execute(f"""
        create or replace temp table known as
        select pairing, crm_id, marketo_id from referred join {ledger.table("link")} l using (pairing, crm_id)
        where l.ended_at is null
        union
        select pairing, crm_id, crm_id from referred join {ledger.table("outbox")} o using (pairing, crm_id)
        where o.run_id = {literal(asked.run_id)} and o.operation = 'upsert' and not o.applied
    """)
    expected = [
        f"select * from referred where pairing = {literal(name)} and crm_id in ("
        f"select {quoted(other.crm.key)} from {_alive(other.crm, other)})"
        for name, other in asked.referred.items()
    ] or ["select * from referred where false"]
    con.execute(f"create or replace temp table expected as {' union '.join(expected)}")


def _alive(obj: Object, pairing: Pairing) -> str:
    """Return SQL for the records of a side that can be written."""
    own = f" and ({pairing.alive})" if obj is pairing.crm else ""
    return f"(select * from {full_name(*obj.table)} where {quoted(DELETED_AT)} is null{own})"


def crm_value(field: Compared, asked: Question) -> str:
    """Return the SQL for what a field of record `c` is in Marketo; where it refers to others, `known` tells."""
    values = [_value_of(source, field, asked) for source in field.sources]
    fallback = [literal(field.absent)] if field.absent else []
    return f"coalesce({commas([*values, *fallback])})" if len(values) + len(fallback) > 1 else values[0]


def _value_of(source: Field, field: Compared, asked: Question) -> str:
    column = f"c.{quoted(source.name)}"
    if field.refers_to:  # an owner that is a queue is nobody in Marketo (SF-USER-4)
        own = "marketo_id" if field.by_own_id else "crm_id"
        return (
            f"(select max(k.{own}) from known k where k.crm_id = {column} and k.pairing in {_among(field.refers_to)})"
        )
    return canonical(column, column_type(source), field.kind, field.shared_length if asked.truncates else 0)


def _among(pairings: Sequence[str]) -> str:
    return f"({commas(map(literal, pairings))})"


def marketo_value(field: Compared, asked: Question) -> str:
    """Return the SQL for the comparable value of a field of record `m`."""
    column = f"m.{quoted(field.marketo.name)}"
    return canonical(column, column_type(field.marketo), field.kind, field.shared_length if asked.truncates else 0)


def _waits(field: Compared) -> str:
    """Return SQL that tells whether a record that a field refers to is still on its way to Marketo."""
    if not field.refers_to:
        return "false"
    among = _among(field.refers_to)
    on_its_way = (
        f"coalesce({column} in (select crm_id from expected where pairing in {among}) "
        f"and {column} not in (select crm_id from known where pairing in {among}), false)"
        for column in (f"c.{quoted(source.name)}" for source in field.sources)
    )
    return f"({' or '.join(on_its_way)})"


def _behind(field: Compared, asked: Question) -> str:
    """Return SQL that tells whether Marketo's step has reached or passed the CRM's."""
    if not field.steps:
        return "false"
    crm, marketo = (f"list_position({field.steps}, {value(field, asked)})" for value in (crm_value, marketo_value))
    return f"coalesce({crm} <= {marketo}, false)"


def outcomes(con: Connection, asked: Question) -> None:
    """Fill `outcome` for the links in `touched`, whose references are known; see `decide`."""
    pairing = asked.pairing
    values = commas(
        f"{{field: {literal(f.name)}, crm: {crm_value(f, asked)}, marketo: {marketo_value(f, asked)}, "
        f"base: t.agreed[{literal(f.name)}], known: coalesce(map_contains(t.agreed, {literal(f.name)}), false), "
        f"waits: {_waits(f)}, behind: {_behind(f, asked)}}}"
        for f in asked.fields
    )
    con.execute(f"""
        create or replace temp table outcome as
        with valued as (
            select t.crm_id, t.marketo_id, t.by_crm, t.by_marketo, c.{quoted(pairing.crm.stamp)} as crm_at,
                m.{quoted(pairing.marketo.stamp)} as marketo_at, unnest([{values}], recursive := true)
            from touched t
            left join {asked.crm} c on c.{quoted(pairing.crm.key)} = t.crm_id
            left join {asked.marketo} m on m.{quoted(pairing.marketo.key)}::varchar = t.marketo_id
        ), numbered as (
            select *, {resolve.case_sql()} as number from valued join ({_rules(asked)}) using (field)
        ), resolved as (
            select *, {resolve.outcome_sql("number")} as outcome,
                if(outcome = '{Outcome.CONFLICT}', {resolve.resolution_sql()}, outcome) as taken
            from numbered
        )
        select *, {resolve.refusal_sql()} as refusal from resolved
    """)


def _rules(asked: Question) -> str:
    """Return SQL for one row a field: what its rule is, and what the systems allow."""
    rows = commas(
        f"({literal(f.name)}, {literal(f.crm.name)}, {literal(f.rule)}, {literal(f.blocked)}, "
        f"{literal(f.crm_writable)}, {literal(f.marketo_writable)}, {literal(f.crm_required)}, "
        f"[{commas(map(literal, f.picklist))}]::varchar[], {f.crm.length or 'null'}, {f.marketo_length or 'null'}, "
        f"{literal(f.marketo.type == 'email')}, {literal(asked.truncates)}, {literal(f.is_key)})"
        for f in asked.fields
    )
    return (
        f"select * from (values {rows}) r(field, crm_field, rule, blocked, crm_writable, marketo_writable, "
        "crm_required, picklist, crm_length, marketo_length, ascii_only, truncates, is_key)"
    )
