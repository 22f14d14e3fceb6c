"""How links are found: an id that one side tells, a key, or the e-mail address alone."""

from __future__ import annotations

from datetime import datetime

from sync_pipeline.connectors.records import Operation, Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.sync.changed import changed_sql, find_changed, look_again, look_at_referring, marks
from sync_pipeline.sync.decision.outcomes import crm_value, marketo_value, references
from sync_pipeline.sync.identity.email_match import is_wanted, met_sql
from sync_pipeline.sync.identity.link_ends import lasting
from sync_pipeline.sync.identity.links import Connection
from sync_pipeline.sync.identity.mirror_sql import alive, living
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import MARKETO


def adopt(con: Connection, request: DecisionRequest, now: datetime) -> int:
    """Link the Marketo records that a CRM record without a link is known to be; return how many.

    By its id or keys, by what an operator paired, or, where the settings ask for it, by its e-mail address. A pair that
    was linked before is opened again by its end's being undone (`succession`), or not at all.
    """
    if request.pairing.given:
        return _adopt_given(con, request, now)
    return _adopt_by_key(con, request, now) + _adopt_by_address(con, request, now)


def _adopt_by_address(con: Connection, request: DecisionRequest, now: datetime) -> int:
    """Link new records to the people who alone have their address, where that is chosen (DEDUP-8); return how many."""
    pairing = request.pairing
    if not is_wanted(request.policy.match, pairing):
        return 0
    find_changed(con, pairing)
    met = met_sql(pairing, request.referred.values())
    con.execute(f"create or replace temp table paired as select crm_id, marketo_id from ({met}) where is_only")
    return _link_paired(con, request, now)


def _adopt_by_key(con: Connection, request: DecisionRequest, now: datetime) -> int:
    """Link by id or keys. Of several records with one key the oldest is linked; the others show up as duplicates.

    So is what we made of a record that was deleted, merged or converted before we had the answer: the next pass ends
    the link, and does what follows from that.
    """
    pairing, marketo, link = request.pairing, request.pairing.marketo, ledger.table("link")
    name, id_ = literal(pairing.name), f"m.{quoted(marketo.key)}::varchar"
    linked = f"from {link} where ended_at is null and"
    changed = changed_sql(pairing, MARKETO, marks(con))
    con.execute(f"""
        create or replace temp table unlinked as with news as ({changed})
        from news where id not in (
            select marketo_id {linked} marketo_object = {literal(marketo.name)} and marketo_id in (from news))
    """)
    if con.execute("from unlinked limit 1").fetchone() is None:
        return 0
    con.execute(
        f"create or replace temp table stranger as select m.* from {request.marketo} m "
        f"where {id_} in (from unlinked) and m.{quoted(DELETED_AT)} is null"
    )
    if con.execute("from stranger limit 1").fetchone() is None:
        return 0
    con.execute(f"""
        create or replace temp table paired as select crm_id, {id_} as marketo_id from ({_recognised(con, request)}) m
        where crm_id not in (select crm_id {linked} pairing = {name})
            and (crm_id, {id_}) not in (select (crm_id, marketo_id) from {link} where pairing = {name})
        qualify row_number() over (partition by crm_id order by m.{quoted(marketo.key)}) = 1
    """)
    if pairing.key:
        gone = f"from paired where crm_id not in ({living(pairing)})"
        look_again(con, f"select {name}, crm_id, 'gone when it was linked', {literal(now)} {gone}")
    return _link_paired(con, request, now)


def forget(con: Connection, request: DecisionRequest) -> None:
    """Take back the links that a mere plan made by address: somebody may only have tried what that would come to."""
    if is_wanted(request.policy.match, request.pairing):
        con.execute(
            f"delete from {ledger.table('link')} where pairing = ? and run_id = ? and agreed = map {{}} and ("
            f"select {quoted(request.pairing.key)} is null from {request.marketo} m "
            f"where m.{quoted(request.pairing.marketo.key)}::varchar = marketo_id)",
            [request.pairing.name, request.run_id],
        )


def _adopt_given(con: Connection, request: DecisionRequest, now: datetime) -> int:
    """Link the records that an operator paired; one that does not fit is left out, and `unlinked` tells why.

    Records of Marketo that only now refer to something in the CRM are looked at again.
    """
    con.execute(f"""
        create or replace temp table paired as select crm_id, marketo_id from ({_given(request)}) where misfit is null
    """)
    for other in (p for p in request.referred.values() if any(request.pairing.name in m.refers_to for m in p.mappings)):
        look_again(con, f"select {literal(other.name)}, null, 'newly linked', {literal(now)} from paired")
    return _link_paired(con, request, now)


def _link_paired(con: Connection, request: DecisionRequest, now: datetime) -> int:
    """Link the pairs in the temporary table `paired`; return how many.

    What an import has taken is agreed on: it tells no ids, so that the link is made only now.
    """
    pairing, name = request.pairing, literal(request.pairing.name)
    imported = f"""
        select o.crm_id, o.fields, r.answered_at from {ledger.table("outbox")} o
        join {ledger.table("write_result")} r using (write_id)
        where o.pairing = {name} and o.side = {literal(MARKETO)} and o.crm_id in (select crm_id from paired)
            and o.operation = {literal(Operation.UPSERT)} and r.verdict = {literal(Verdict.ACCEPTED)}
            and r.record_id is null
        qualify row_number() over (partition by o.crm_id order by r.answered_at desc) = 1
    """
    found = con.execute(f"""
        insert into {ledger.table("link")} by name
        select {name} as pairing, crm_id, {literal(pairing.marketo.name)} as marketo_object, marketo_id,
            {literal(now)} as linked_at, {literal(request.run_id)} as run_id,
            coalesce(i.fields, map {{}}::map(varchar, varchar)) as agreed, i.answered_at as agreed_at,
            i.answered_at as marketo_written_at, map_keys(i.fields) as marketo_sent
        from paired left join ({imported}) i using (crm_id)
    """).fetchone()
    look_at_referring(con, request.referred.values(), f"select {name} as pairing, crm_id from paired", now)
    return int(found[0]) if found else 0


def unlinked(con: Connection, request: DecisionRequest) -> dict[str, str]:
    """Return the pairs that an operator gave and that are not linked: who is meant, and what is in the way (SF-CAMP-7).

    Nothing is in the way of a pair with an empty text: it is linked when it is next decided on.
    """
    if not request.pairing.given:
        return {}
    crm, marketo = request.pairing.crm.name, request.pairing.marketo.name
    found = con.execute(f"select crm_id, marketo_id, misfit from ({_given(request)}) order by crm_id").fetchall()
    return {f"{marketo} {its} is not linked to {crm} {ours}": misfit or "" for ours, its, misfit in found}


def _given(request: DecisionRequest) -> str:
    """Return SQL for the given pairs whose records are both there and not linked."""
    crm, marketo = request.pairing.crm, request.pairing.marketo
    pairs = commas(f"({literal(ours)}, {literal(its)})" for ours, its in request.pairing.given)
    return (
        f"select g.crm_id, g.marketo_id, {request.pairing.misfit} as misfit "
        f"from (values {pairs}) g(crm_id, marketo_id) "
        f"join {request.crm} c on c.{quoted(crm.key)} = g.crm_id and c.{quoted(DELETED_AT)} is null "
        f"join {request.marketo} m on m.{quoted(marketo.key)}::varchar = g.marketo_id "
        f"and m.{quoted(DELETED_AT)} is null "
        f"where (g.crm_id, g.marketo_id) not in (select (crm_id, marketo_id) from {ledger.table('link')} "
        f"where pairing = {literal(request.pairing.name)} and ended_at is null)"
    )


def _recognised(con: Connection, request: DecisionRequest) -> str:
    """Return SQL for the records of `stranger`, each with the id of the CRM record that its key names."""
    pairing, key = request.pairing, quoted(request.pairing.crm.key)
    if pairing.key:
        known = f"select {key} as crm_id from {full_name(*pairing.crm.table)}"
        linked = f"select crm_id from ({lasting(f'pairing = {literal(pairing.name)}')})"
        return (
            f"select m.*, c.crm_id from stranger m join ({known}) c on c.crm_id = m.{quoted(pairing.key)} "
            f"where crm_id in ({living(pairing)}) or crm_id not in ({linked})"
        )
    references(con, request, f"select {key} from {request.crm}")
    keys = [field for field in request.fields if field.is_key]
    values = commas(f"{crm_value(field, request)} as key_{number}" for number, field in enumerate(keys))
    same = " and ".join(f"c.key_{number} = {marketo_value(field, request)}" for number, field in enumerate(keys))
    named = f"select c.{key} as crm_id, {values} from {alive(pairing.crm, pairing)} c"
    return f"select m.*, c.crm_id from stranger m join ({named}) c on {same}"
