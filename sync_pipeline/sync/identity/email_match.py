"""Who is recognised by e-mail address before anybody is created, where the settings ask for it (DEDUP-8). SQL text.

A new lead or contact is the person in Marketo who has its address if no other record or person has it, and if that
person was never anybody else. The original never looks (DEDUP-1), so this is off unless it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.identity.mirror_sql import alive
from sync_pipeline.sync.policy import Match

ADDRESS = "email"  # of a person in Marketo
AMBIGUOUS, SHARED = "AMBIGUOUS_EMAIL", "several people have its e-mail address"


def mail_field(pairing: Pairing) -> str:
    """Return the CRM's field of the e-mail address; empty where none is mapped."""
    return next((m.crm for m in pairing.mappings if m.marketo == ADDRESS), "")


def known_addresses(con: duckdb.DuckDBPyConnection, kept: Iterable[tuple[Object, str]]) -> str:
    """Return SQL for the addresses of living records of objects, by the field that has them; a hidden one has none."""
    shown = (
        f"select {address_sql(quoted(name))} from {full_name(*obj.table)} "
        f"where {quoted(DELETED_AT)} is null and {quoted(name)} is not null"
        for obj, name in kept
        if name in columns(con, *obj.table)
    )
    return " union all ".join(shown) or "select null::varchar where false"


def met_sql(pairing: Pairing, pairings: Iterable[Pairing]) -> str:
    """Return SQL for the records of `changed` that were never linked and whose address somebody in Marketo has.

    The columns are `crm_id`, `marketo_id`, and `is_only`: whether nobody else is meant on either side.

    Args:
        pairings: all there are: who else in the CRM may have the address.
    """
    link = ledger.table("link")
    people = [p for p in pairings if p.merges and p.marketo.name == pairing.marketo.name]
    records = " union all ".join(
        f"select {quoted(p.crm.key)} as id, {address_sql(quoted(mail_field(p)))} as email from {alive(p.crm, p)}"
        for p in people
        if mail_field(p)
    )
    known = f"select marketo_id from {link} where marketo_object = {literal(pairing.marketo.name)}"
    return f"""
        with new as (
            select {quoted(pairing.crm.key)} as id, {address_sql(quoted(mail_field(pairing)))} as email
            from {alive(pairing.crm, pairing)} where {quoted(pairing.crm.key)} in (select id from changed)
                and {quoted(pairing.crm.key)} not in (select crm_id from {link}
                    where pairing = {literal(pairing.name)} and crm_id is not null)
        ), person as (
            select {quoted(pairing.marketo.key)}::varchar as id, {address_sql(ADDRESS)} as email,
                {quoted(pairing.key)} is not null or {quoted(pairing.marketo.key)}::varchar in ({known}) as known
            from {alive(pairing.marketo, pairing)} where {address_sql(ADDRESS)} in (select email from new)
        ), record as (
            select email, count(*) as records from ({records}) where email in (select email from new) group by email
        )
        select new.id as crm_id, min(person.id) as marketo_id,
            count(*) = 1 and not bool_or(known) and max(records) = 1 as is_only
        from new join person using (email) join record using (email) group by new.id
    """


def is_wanted(match: Match, pairing: Pairing) -> bool:
    """Tell whether anybody of a pairing is to be recognised by address."""
    return match != "never" and pairing.merges and bool(mail_field(pairing))
