"""What becomes of each field of the links in `touched`: its values on both sides, made comparable, and the case table.

A reference to another record is compared by what that record is in Marketo, which `known` and `expected` tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import SYNCED_AT, full_name
from sync_pipeline.lake.types import TEXT, column_type
from sync_pipeline.model import ENCRYPTED, Field, Pairing
from sync_pipeline.sync.decision import capacity, case_table, declined, spelling
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.decision.spelling import of_link
from sync_pipeline.sync.delivery import unconfirmed_values
from sync_pipeline.sync.identity.end_reasons import DELETED, FILTERED, UNSEEN
from sync_pipeline.sync.identity.mirror_sql import living
from sync_pipeline.sync.mapping.canonical import canonical
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
AT_ONCE = 100_000  # links whose fields are unfolded at a time: memory stays bounded by it


def references(con: Connection, request: DecisionRequest, looked_at: str) -> None:
    """Fill `known` and `expected`: what is and what will be in Marketo of all that these CRM records refer to.

    What takes no part any more is in Marketo all the same, and whoever belonged to it still does (FILT-6). In a plan,
    the parents that it would create are known too, but not yet by an id of Marketo's.
    """
    key = quoted(request.pairing.crm.key)
    referred = [
        f"select {literal(name)} as pairing, {quoted(source.name)} as crm_id from {request.crm} "
        f"where {key} in ({looked_at})"
        for f in request.fields
        for source in f.sources
        for name in f.refers_to
    ] or ["select null::varchar as pairing, null::varchar as crm_id where false"]
    con.execute(f"create or replace temp table referred as {' union '.join(referred)}")
    # Of whom the CRM has deleted Marketo keeps the record, and what hangs on it.
    kept = commas(literal(name) for name, other in request.referred.items() if not other.deletes) or "null"
    con.execute(f"""
        create or replace temp table known as
        (select pairing, crm_id, marketo_id from referred join {ledger.table("link")} l using (pairing, crm_id)
        where l.ended_at is null or l.ended_because in ({literal(FILTERED)}, {literal(UNSEEN)})
            or (l.ended_because = {literal(DELETED)} and pairing in ({kept}))
        qualify row_number() over (
            partition by pairing, crm_id order by l.ended_at desc nulls first, l.linked_at desc, marketo_id) = 1)
        union
        select pairing, crm_id, crm_id from referred join {ledger.table("outbox")} o using (pairing, crm_id)
        where o.run_id = {literal(request.run_id)} and o.operation = 'upsert' and not coalesce(o.applied, false)
    """)
    expected = [
        f"select * from referred where pairing = {literal(name)} and crm_id in ({living(other)})"
        for name, other in request.referred.items()
    ]
    expected.append(f"select * from referred where pairing in ({commas(map(literal, request.unread)) or 'null'})")
    con.execute(f"create or replace temp table expected as {' union '.join(expected)}")


def crm_value(field: Compared, request: DecisionRequest) -> str:
    """Return the SQL for what a field of record `c` is in Marketo; where it refers to others, `known` tells."""
    values = [_value_of(source, field, request) for source in field.sources]
    fallback = [literal(field.absent)] if field.absent else []
    return f"coalesce({commas([*values, *fallback])})" if len(values) + len(fallback) > 1 else values[0]


def _value_of(source: Field, field: Compared, request: DecisionRequest) -> str:
    column = f"c.{quoted(source.name)}"
    if field.refers_to:  # an owner that is a queue is nobody in Marketo (SF-USER-4)
        own = "marketo_id" if field.by_own_id else "crm_id"
        return (
            f"(select max(k.{own}) from known k where k.crm_id = {column} and k.pairing in {_among(field.refers_to)})"
        )
    return _comparable(column, source, field, request)


def _among(pairings: Sequence[str]) -> str:
    return f"({commas(map(literal, pairings))})"


def marketo_value(field: Compared, request: DecisionRequest) -> str:
    """Return the SQL for the comparable value of a field of record `m`."""
    column = f"m.{quoted(field.marketo.name)}"
    return _comparable(column, field.marketo, field, request)


def _comparable(column: str, of: Field, field: Compared, request: DecisionRequest) -> str:
    most = (field.shared_length, field.marketo_bytes) if request.policy.truncates and field.is_cut else (0, 0)
    return canonical(column, column_type(of), field.kind, *most, places=field.places)


def _marketo_now(field: Compared, request: DecisionRequest) -> str:
    """Return SQL for what Marketo has: of a copy that was written to since it was read, what Marketo then confirmed."""
    read = marketo_value(field, request)
    return f"if(t.stale, {_base(field)}, {read})" if request.pairing.is_rarely_read else read


def _waits(field: Compared) -> str:
    """Return SQL that tells whether a record that a field refers to is still on its way to Marketo."""
    if not field.refers_to:
        return "false"
    among = _among(field.refers_to)
    on_its_way = (
        f"coalesce({column} in (select crm_id from expected where pairing in {among}) "
        f"and not coalesce({column} in (select crm_id from known where pairing in {among}), false), false)"
        for column in (f"c.{quoted(source.name)}" for source in field.sources)
    )
    return f"({' or '.join(on_its_way)})"


def _behind(field: Compared, request: DecisionRequest) -> str:
    """Return SQL that tells whether Marketo's step has reached or passed the CRM's."""
    if not field.steps:
        return "false"
    crm, marketo = (f"list_position({field.steps}, {value(field, request)})" for value in (crm_value, marketo_value))
    return f"coalesce({crm} <= {marketo}, false)"


def _moved(field: Compared, request: DecisionRequest) -> str:
    """Return SQL for the side that changed a field since it was chosen, as long as it has no base; null of others."""
    if field.since is None:
        return "null::varchar"
    sides = ((request.pairing.crm, "t.crm_id", field.crm), (request.pairing.marketo, "t.marketo_id", field.marketo))
    crm, marketo = (
        f"{id_} in (select {quoted(obj.key)}::varchar from {full_name(*obj.changes_table)} "
        f"where _detected_at > {literal(field.since)} and (list_contains(_fields, {literal(one.name)}) "
        f"or (_change = 'insert' and _changed_at > {literal(field.since)})))"
        for obj, id_, one in sides
    )
    said = f"case when {crm} and {marketo} then 'both' when {crm} then 'crm' when {marketo} then 'marketo' "
    return f"if(map_contains(t.agreed, {literal(field.name)}), null, {said} else 'neither' end)"


def _misfits(con: Connection, pairing: Pairing) -> set[tuple[str, str]]:
    """Return side and name of the fields of which a mirror could not take some record's value."""
    found = con.execute(
        f"select distinct system, object, field from {ledger.table('error')} "
        f"where code = {literal(ledger.MISFIT)} and resolved_at is null"
    ).fetchall()
    sides = {(obj.system, obj.name): side for side, obj in ((CRM, pairing.crm), (MARKETO, pairing.marketo))}
    return {(sides[system, name], field) for system, name, field in found if (system, name) in sides}


def _unfilled(field: Compared, request: DecisionRequest, misfits: Collection[tuple[str, str]]) -> str:
    """Return SQL that tells whether a mirror does not have the record's value.

    It has not read it since the field became visible (FIELD-4), the value is none of the field's type, or it is masked:
    whoever may not view encrypted data reads XXXX-4321. What begins like a mask counts as one.
    """
    kept = [(CRM, "c", source) for source in field.sources if CRM not in request.read_from]
    kept += [(MARKETO, "m", field.marketo)] if MARKETO not in request.read_from else []
    late = [f"{of}.{quoted(SYNCED_AT)} < {literal(one.since)}" for _, of, one in kept if one.since]
    late += [f"regexp_matches(c.{quoted(one.name)}, '^[X*]')" for one in field.sources if one.type == ENCRYPTED]
    for side, of, one in kept:
        obj = request.pairing.object(side)
        if (side, one.name) in misfits:
            late.append(
                f"{of}.{quoted(obj.key)}::varchar in (select record_id from {ledger.table('error')} "
                f"where code = {literal(ledger.MISFIT)} and resolved_at is null and system = {literal(obj.system)} "
                f"and object = {literal(obj.name)} and field = {literal(one.name)})"
            )
    return f"coalesce({' or '.join(late)}, false)" if late else "false"


def _known(field: Compared) -> str:
    """Return SQL that tells whether both sides ever agreed on a value of a field."""
    return "false" if field.remapped else f"coalesce(map_contains(t.agreed, {literal(field.name)}), false)"


def _base(field: Compared) -> str:
    if field.remapped:
        return "null::varchar"
    agreed = f"t.agreed[{literal(field.name)}]"
    return canonical(agreed, TEXT, field.kind, places=field.places) if field.respelled else agreed


def _arrived(field: Compared, request: DecisionRequest, unanswered: bool) -> str:
    """Return SQL for the side that has a value which we sent it without an answer; null of others."""
    return (
        unconfirmed_values.arrived(field, crm_value(field, request), _marketo_now(field, request))
        if unanswered
        else "null::varchar"
    )


def _tried(field: Compared, request: DecisionRequest, unanswered: bool) -> str:
    """Return SQL for `crm_tried`, `marketo_tried` and whether their records name us: what may have got another form."""
    lists = spelling.tried_sql(request, field) if unanswered else dict.fromkeys((CRM, MARKETO), "null::varchar[]")
    ours = {CRM: literal(bool(request.author)), MARKETO: "false"}
    return commas(f"{side}_tried: {sent}, {side}_ours: {ours[side]}" for side, sent in lists.items())


def outcomes(con: Connection, request: DecisionRequest, *, unanswered: bool = False) -> None:
    """Fill `outcome` for the links in `touched`, whose references are known; see `decide.decide`.

    Args:
        unanswered: whether `attempt` holds values that may have been written to them, see `unconfirmed_values`.
    """
    pairing, misfits = request.pairing, _misfits(con, request.pairing)
    values = commas(
        f"{{field: {literal(f.name)}, crm: {crm_value(f, request)}, marketo: {_marketo_now(f, request)}, "
        f"base: {_base(f)}, known: {_known(f)}, waits: {_waits(f)}, behind: {_behind(f, request)}, "
        f"moved: {_moved(f, request)}, unfilled: {_unfilled(f, request, misfits)}, "
        f"arrived: {_arrived(f, request, unanswered)}, {_tried(f, request, unanswered)}, "
        f"{spelling.sent_sql(request, f)}}}"
        for f in request.fields
    )
    ours = commas(spelling.ours_sql(request, side) for side in (CRM, MARKETO))
    con.execute(f"""
        create or replace temp table outcome as
        with valued as (
            select t.crm_id, t.marketo_id, t.by_crm, t.by_marketo, t.gone, c.{quoted(pairing.crm.stamp)} as crm_at,
                m.{quoted(pairing.marketo.stamp)} as marketo_at, {ours}, unnest([{values}], recursive := true)
            from touched t
            left join {request.crm} c on c.{quoted(pairing.crm.key)} = t.crm_id
            left join {request.marketo} m on m.{quoted(pairing.marketo.key)}::varchar = t.marketo_id
            {"left join attempt a on a.crm_id = t.crm_id" if unanswered else ""}
        ), attempted as (
            select * exclude (crm_tried, marketo_tried, crm_ours, marketo_ours, crm_noted, marketo_noted, crm_due,
                    marketo_due, crm_untouched, marketo_untouched, crm_sure, marketo_sure),
                {spelling.form_sql(CRM)} as crm_form, {spelling.form_sql(MARKETO)} as marketo_form,
                {unconfirmed_values.forms_sql(MARKETO)} as marketo_was,
                if(marketo_was is null, {unconfirmed_values.forms_sql(CRM)}, null) as crm_was,
                coalesce(marketo_was, crm_was) as was
            from valued
        ), formed as (  -- of what was tried, the form of one side counts, and no older one
            select * replace (if(was is null, base, was) as base,
                if(was is null, crm_form, if(crm_was is null, null, '{spelling.NEW}')) as crm_form,
                if(was is null, marketo_form, if(marketo_was is null, null, '{spelling.NEW}')) as marketo_form)
            from attempted
        ), based as (
            select * exclude (crm_was, marketo_was, was) replace (
                if(arrived is null, base, if(arrived = '{CRM}', crm, marketo)) as base,
                (known or arrived is not null or was is not null) as known,
                if(arrived is null and crm_form is not null, base, crm) as crm,
                if(arrived is null and marketo_form is not null, base, marketo) as marketo,
                coalesce(arrived, if(crm_was is not null, '{CRM}', if(was is not null, '{MARKETO}', null))) as arrived),
                if(marketo_form is null, crm, marketo) as kept,
                if(arrived is null, if(marketo_form is null, crm_form, marketo_form), null) as kept_form
            from formed
        ), numbered as (
            select *, {case_table.case_sql()} as number from based join ({_rules(request)}) using (field)
        ), resolved as (
            select *, {case_table.outcome_sql("number")} as outcome,
                if(outcome = '{Outcome.CONFLICT}', {case_table.resolution_sql()}, outcome) as taken
            from numbered
        ), held as ({capacity.rows_sql(request.fields)}), weighed as (
            select *, {capacity.SENT} as sent from resolved left join held using (field, taken)
        ), answered_before as ({declined.answers_sql(con, request.pairing)})
        select * exclude (sent, declined_code, {capacity.LIMITS}),
            coalesce({case_table.refusal_sql()}, {capacity.code_sql()}, declined_code) as refusal
        from answered_before
    """)


def outcomes_in_parts(con: Connection, request: DecisionRequest, links: str, moved: bool) -> Iterator[None]:
    """Fill `outcome` for many links, part by part, so that memory stays bounded.

    Args:
        links: SQL for their `crm_id`, `marketo_id` and `spelling.COLUMNS`.
        moved: whether they are decided on as if both records had been written.
    """
    (number,) = con.execute(f"select count(*) from ({links})").fetchone() or (0,)
    parts = -(-number // AT_ONCE)
    for part in range(parts):
        con.execute(
            f"create or replace temp table touched as select crm_id, marketo_id, {of_link('w')}, "
            f"{literal(moved)} as by_crm, {literal(moved)} as by_marketo, false as gone, false as stale "
            f"from ({links}) w where hash(crm_id) % {parts} = {part}"
        )
        references(con, request, "select crm_id from touched")
        outcomes(con, request)
        yield


def _rules(request: DecisionRequest) -> str:
    """Return SQL for one row a field: what its rule is, and what the systems allow."""
    rows = commas(
        f"({literal(f.name)}, {literal(f.crm.name)}, {literal(f.crm.name == request.pairing.crm.deleted)}, "
        f"{literal(f.rule)}, {literal(f.blocked)}, "
        f"{literal(f.crm_writable)}, {literal(f.marketo_writable)}, {literal(f.crm_required)}, "
        f"[{commas(map(literal, f.picklist))}]::varchar[], {f.crm.length or 'null'}, {f.marketo_length or 'null'}, "
        f"{f.marketo_bytes or 'null'}, "
        f"{literal(f.marketo.type == 'email')}, {literal(request.policy.truncates and f.is_cut)}, {literal(f.is_key)}, "
        f"{literal(f.stays)}, {literal(f.is_needed)}, {literal(f.consent)})"
        for f in request.fields
    )
    return (
        f"select * from (values {rows}) r(field, crm_field, tells_end, rule, blocked, crm_writable, marketo_writable, "
        "crm_required, picklist, crm_length, marketo_length, marketo_bytes, ascii_only, truncates, is_key, stays, "
        "is_needed, consent)"
    )
