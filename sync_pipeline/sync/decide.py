"""The case table over all touched links of a pairing, in SQL: no record passes through Python.

Only links that a change on either side touched are looked at, and those left over from before, so the cost of a
decision does not grow with the records that nobody touched. Everything is left in temporary tables, which `plan`
reads; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from sync_pipeline.connectors.writes import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import SYNCED_AT, full_name
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Field, Pairing
from sync_pipeline.sync import creating, merging, newcomers, on_demand, resolve
from sync_pipeline.sync.canonical import canonical
from sync_pipeline.sync.ends import DELETED, FILTERED, MARKETO_DELETED, TOLD, UNSEEN
from sync_pipeline.sync.fields import Compared
from sync_pipeline.sync.matching import SHARED, Match, is_wanted, met_sql
from sync_pipeline.sync.merging import Score
from sync_pipeline.sync.resolve import Outcome
from sync_pipeline.sync.touched import CRM, MARKETO, alive, find_changed, must_be_read, unread, watermark

Connection = duckdb.DuckDBPyConnection
AT_ONCE = 100_000  # links whose fields are unfolded at a time: memory stays bounded by it


@dataclass(frozen=True)
class Question:
    """What is to be decided.

    Attributes:
        fields: the fields that are compared, see `fields.compared`.
        run_id: the cycle this is part of; records that it has planned to create count as linked already.
        referred: by name, the pairings that the fields refer to.
        unread: the names of those whose mirrors are not there yet: all that refers to one of them waits.
        truncates: whether a value that is too long is cut, with a warning, or refused (FIELD-25).
        read_from: by side, the table that holds its records, where that is not the mirror.
        match: whether new records are recognised by e-mail address (DEDUP-8).
        partitions: the rules by which new persons get a partition of Marketo's, as written (FILT-7).
        recreates: whether a record whose person was deleted in Marketo becomes one anew when it changes (DEL-4, DEL-5).
        score: what becomes of the scores when the CRM merges two records (SPEC 31, decision 4).
    """

    pairing: Pairing
    fields: Sequence[Compared]
    run_id: str
    referred: Mapping[str, Pairing] = field(default_factory=dict)
    truncates: bool = True
    read_from: Mapping[str, str] = field(default_factory=dict)
    recreates: bool = True
    score: Score = "sum"
    match: Match = "never"
    partitions: str = ""
    unread: Sequence[str] = ()

    @property
    def crm(self) -> str:
        return self.read_from.get(CRM) or full_name(*self.pairing.crm.table)

    @property
    def marketo(self) -> str:
        return self.read_from.get(MARKETO) or full_name(*self.pairing.marketo.table)


def decide(con: Connection, asked: Question) -> None:
    """Fill the temporary tables `touched`, `outcome` and `merging`.

    `touched` holds the links to be decided and, without a `marketo_id`, the CRM records that Marketo does not know yet
    (SF-LEAD-4: nobody is looked for by e-mail). `outcome` holds one row for each of their fields: the two values, the
    base, the case that holds, what is taken, and the refusal that keeps it from being written.
    """
    find_changed(con, asked.pairing)
    merging.find_merges(con, asked.pairing, asked.referred, asked.run_id, asked.score)
    _touched(con, asked)
    newcomers.find(con, asked)
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
        "as agreed, true as by_crm, true as by_marketo, false as gone, false as stale"
    )
    references(con, asked, "select crm_id from touched")
    outcomes(con, asked)
    merging.none(con)


def _touched(con: Connection, asked: Question) -> None:
    """Fill `touched`. Of a record that is gone only that is told, to the person it was linked to (DEL-1)."""
    pairing, name = asked.pairing, literal(asked.pairing.name)
    link, key, marketo_key = ledger.table("link"), quoted(pairing.crm.key), quoted(pairing.marketo.key)
    stale = unread(pairing) if pairing.is_rarely_read else "false"
    con.execute(f"create or replace temp table held as {_held(con, asked)}")
    con.execute(f"""
        create or replace temp table touched as
        with living as (select {key} as id from {alive(pairing.crm, pairing)}),
        kept as (
            select * from {link} where pairing = {name} and crm_id in (select id from changed) and {TOLD}
                and (ended_at is null or crm_id not in (select id from living))
            qualify row_number() over (partition by crm_id order by ended_at desc nulls first, linked_at desc) = 1
        )
        select t.id as crm_id, l.marketo_id, l.agreed, t.by_crm, t.by_marketo, l.ended_at is not null as gone,
            {stale} as stale
        from changed t
        join {asked.crm} c on c.{key} = t.id
        left join kept l on l.crm_id = t.id
        left join {alive(pairing.marketo, pairing)} m on m.{marketo_key}::varchar = l.marketo_id
        where (l.ended_at is not null or t.id in (select id from living))
            and (l.ended_at is null or l.marketo_id not in (
                select marketo_id from {link} where ended_at is null and marketo_object = l.marketo_object))
            and if(l.marketo_id is null,
                t.by_crm and ({_may_come_back(asked)}), m.{marketo_key} is not null or ({stale}))
            and not ({must_be_read(pairing)}) and t.id not in (select crm_id from held)
            and t.id not in (select crm_id from merging where side = {literal(CRM)})
    """)


def _may_come_back(asked: Question) -> str:
    """Return SQL that tells whether a record without a link may become a person: not where one was deleted for good."""
    if asked.recreates:
        return "true"
    return (
        f"t.id not in (select crm_id from {ledger.table('link')} where pairing = {literal(asked.pairing.name)} "
        f"and ended_because = {literal(MARKETO_DELETED)})"
    )


def _held(con: Connection, asked: Question) -> str:
    """Return SQL for the new records that may turn out to be linked in a moment, and why; they are looked at again.

    Taken for a stranger, what somebody has just created on demand would become a second person in Marketo (GEN-16),
    and so would a contact that came of a lead whose conversion has not been read yet (CONV-2), and what the CRM has
    merged for us since it was read.
    """
    pairing, crm = asked.pairing, asked.pairing.crm
    early = [
        f"select {quoted(crm.key)}, 'may come of a conversion' from {asked.crm} "
        f"where {quoted(crm.stamp)} >= {watermark(other.crm)}"
        for other in asked.referred.values()
        if other.becomes and other.becomes[0] == pairing.name
    ]
    begun = {"on demand": on_demand.creating_since(con), "for a member": creating.since(con, pairing)}
    for why, since in ((why, since) for why, since in begun.items() if since):
        early.append(
            f"select {quoted(crm.key)}, {literal(f'may have been created {why}')} "
            f"from {full_name(*crm.changes_table)} where _change = 'insert' and _detected_at >= {literal(since)}"
        )
    if pairing.merges:
        early.append(
            f"select crm_id, 'merged since it was read' from ({merging.in_crm(pairing)}) "
            f"where verdict = {literal(Verdict.ACCEPTED)} and answered_at >= {watermark(crm)}"
        )
    if asked.match == "strict" and is_wanted(asked.match, pairing):
        early.append(
            f"select crm_id, {literal(SHARED)} from ({met_sql(pairing, asked.referred.values())}) where not is_only"
        )
    told = " union all ".join(early) or "select null::varchar, null where false"
    return (
        f"select id as crm_id, because from changed join ({told}) t(crm_id, because) on t.crm_id = id where id not in "
        f"(select crm_id from {ledger.table('link')} where pairing = {literal(pairing.name)} and ended_at is null)"
    )


def references(con: Connection, asked: Question, looked_at: str) -> None:
    """Fill `known` and `expected`: what is and what will be in Marketo of all that these CRM records refer to.

    What takes no part any more is in Marketo all the same, and whoever belonged to it still does (FILT-6). In a plan,
    the parents that it would create are known too, but not yet by an id of Marketo's.
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
    # Of whom the CRM has deleted Marketo keeps the record, and what hangs on it.
    kept = commas(literal(name) for name, other in asked.referred.items() if not other.deletes) or "null"
    con.execute(f"""
        create or replace temp table known as
        (select pairing, crm_id, marketo_id from referred join {ledger.table("link")} l using (pairing, crm_id)
        where l.ended_at is null or l.ended_because in ({literal(FILTERED)}, {literal(UNSEEN)})
            or (l.ended_because = {literal(DELETED)} and pairing in ({kept}))
        qualify row_number() over (partition by pairing, crm_id order by l.ended_at desc nulls first) = 1)
        union
        select pairing, crm_id, crm_id from referred join {ledger.table("outbox")} o using (pairing, crm_id)
        where o.run_id = {literal(asked.run_id)} and o.operation = 'upsert' and not o.applied
    """)
    expected = [
        f"select * from referred where pairing = {literal(name)} and crm_id in ("
        f"select {quoted(other.crm.key)} from {alive(other.crm, other)})"
        for name, other in asked.referred.items()
    ]
    expected.append(f"select * from referred where pairing in ({commas(map(literal, asked.unread)) or 'null'})")
    con.execute(f"create or replace temp table expected as {' union '.join(expected)}")


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
    return _comparable(column, source, field, asked)


def _among(pairings: Sequence[str]) -> str:
    return f"({commas(map(literal, pairings))})"


def marketo_value(field: Compared, asked: Question) -> str:
    """Return the SQL for the comparable value of a field of record `m`."""
    column = f"m.{quoted(field.marketo.name)}"
    return _comparable(column, field.marketo, field, asked)


def _comparable(column: str, of: Field, field: Compared, asked: Question) -> str:
    most = (field.shared_length, field.marketo_bytes) if asked.truncates else (0, 0)
    return canonical(column, column_type(of), field.kind, *most)


def _marketo_now(field: Compared, asked: Question) -> str:
    """Return SQL for what Marketo has: of a copy that was written to since it was read, what Marketo then confirmed."""
    read = marketo_value(field, asked)
    return f"if(t.stale, t.agreed[{literal(field.name)}], {read})" if asked.pairing.is_rarely_read else read


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


def _moved(field: Compared, asked: Question) -> str:
    """Return SQL for the side that changed a field since it was chosen, as long as it has no base; null of others."""
    if field.since is None:
        return "null::varchar"
    sides = ((asked.pairing.crm, "t.crm_id", field.crm), (asked.pairing.marketo, "t.marketo_id", field.marketo))
    crm, marketo = (
        f"{id_} in (select {quoted(obj.key)}::varchar from {full_name(*obj.changes_table)} "
        f"where _detected_at > {literal(field.since)} and (list_contains(_fields, {literal(one.name)}) "
        f"or (_change = 'insert' and _changed_at > {literal(field.since)})))"
        for obj, id_, one in sides
    )
    said = f"case when {crm} and {marketo} then 'both' when {crm} then 'crm' when {marketo} then 'marketo' "
    return f"if(map_contains(t.agreed, {literal(field.name)}), null, {said} else 'neither' end)"


def _unfilled(field: Compared, asked: Question) -> str:
    """Return SQL that tells whether a mirror has not read the record since the field became visible (FIELD-4)."""
    kept = [("c", source) for source in field.sources if CRM not in asked.read_from]
    kept += [("m", field.marketo)] if MARKETO not in asked.read_from else []
    late = [f"{of}.{quoted(SYNCED_AT)} < {literal(one.since)}" for of, one in kept if one.since]
    return f"coalesce({' or '.join(late)}, false)" if late else "false"


def _known(field: Compared) -> str:
    """Return SQL that tells whether both sides ever agreed on a value of a field."""
    return "false" if field.remapped else f"coalesce(map_contains(t.agreed, {literal(field.name)}), false)"


def _base(field: Compared) -> str:
    return "null::varchar" if field.remapped else f"t.agreed[{literal(field.name)}]"


def outcomes(con: Connection, asked: Question) -> None:
    """Fill `outcome` for the links in `touched`, whose references are known; see `decide`."""
    pairing = asked.pairing
    values = commas(
        f"{{field: {literal(f.name)}, crm: {crm_value(f, asked)}, marketo: {_marketo_now(f, asked)}, "
        f"base: {_base(f)}, known: {_known(f)}, waits: {_waits(f)}, behind: {_behind(f, asked)}, "
        f"moved: {_moved(f, asked)}, unfilled: {_unfilled(f, asked)}}}"
        for f in asked.fields
    )
    con.execute(f"""
        create or replace temp table outcome as
        with valued as (
            select t.crm_id, t.marketo_id, t.by_crm, t.by_marketo, t.gone, c.{quoted(pairing.crm.stamp)} as crm_at,
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


def outcomes_in_parts(con: Connection, asked: Question, links: str, moved: bool) -> Iterator[None]:
    """Fill `outcome` for many links, part by part, so that memory stays bounded.

    Args:
        links: SQL for their `crm_id`, `marketo_id` and `agreed`.
        moved: whether they are decided on as if both records had been written.
    """
    (number,) = con.execute(f"select count(*) from ({links})").fetchone() or (0,)
    parts = -(-number // AT_ONCE)
    for part in range(parts):
        con.execute(
            f"create or replace temp table touched as select crm_id, marketo_id, agreed, {literal(moved)} as by_crm, "
            f"{literal(moved)} as by_marketo, false as gone, false as stale from ({links}) "
            f"where hash(crm_id) % {parts} = {part}"
        )
        references(con, asked, "select crm_id from touched")
        outcomes(con, asked)
        yield


def _rules(asked: Question) -> str:
    """Return SQL for one row a field: what its rule is, and what the systems allow."""
    rows = commas(
        f"({literal(f.name)}, {literal(f.crm.name)}, {literal(f.crm.name == asked.pairing.crm.deleted)}, "
        f"{literal(f.rule)}, {literal(f.blocked)}, "
        f"{literal(f.crm_writable)}, {literal(f.marketo_writable)}, {literal(f.crm_required)}, "
        f"[{commas(map(literal, f.picklist))}]::varchar[], {f.crm.length or 'null'}, {f.marketo_length or 'null'}, "
        f"{f.marketo_bytes or 'null'}, "
        f"{literal(f.marketo.type == 'email')}, {literal(asked.truncates)}, {literal(f.is_key)}, {literal(f.stays)})"
        for f in asked.fields
    )
    return (
        f"select * from (values {rows}) r(field, crm_field, tells_end, rule, blocked, crm_writable, marketo_writable, "
        "crm_required, picklist, crm_length, marketo_length, marketo_bytes, ascii_only, truncates, is_key, stays)"
    )
