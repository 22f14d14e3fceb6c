"""Who shares an e-mail address: groups of records, and which of each a merge would keep. Pure SQL text.

A linked pair is one person. `identifiers` says which addresses are the same; records without one are in no group.
"""

from __future__ import annotations

from enum import StrEnum

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import SYNCED_AT
from sync_pipeline.sales_insight.mirrors import ACTIVITY, PERSON, Mirrors, links
from sync_pipeline.sales_insight.people import GONE, USER_PREFIX

COLUMNS = (
    "email", "scopes", "system", "object", "record_id", "linked_to", "owner_id", "account_id", "last_activity_at",
    "kept", "because",
)  # fmt: skip


class Scope(StrEnum):
    """Where the records of a group double one another."""

    MARKETO = "marketo"
    CRM = "crm"
    ACROSS = "across"


SCOPES = {
    Scope.MARKETO: "two people or more in Marketo",
    Scope.CRM: "two leads or contacts or more in the CRM",
    Scope.ACROSS: "a person in Marketo and a lead or contact in the CRM, neither linked within the group",
}


def records_sql(mirrors: Mirrors) -> str:
    """Return SQL for all living records with an address: one row a person, lead and contact.

    `identity` is one and the same for a linked pair. `place` orders what a merge would keep: a contact before a lead, a
    lead before a person known to Marketo alone, whatever winner is asked for (MERGE-13).
    """
    return f"""(
        select 'marketo' as system, 'person' as object, p.id::varchar as record_id, l.crm_id as linked_to,
            p.id::varchar as identity, case l.pairing when 'contact' then 0 when 'lead' then 1 else 2 end as place,
            {address_sql("p.email")} as email, p."externalSalesPersonId" as owner_id,
            p."externalCompanyId" as account_id, null::timestamptz as last_activity_at, p."createdAt" as created_at,
            p.{quoted(SYNCED_AT)} as synced_at
        from {mirrors.records("person", PERSON)} p
        left join (
            select marketo_id, min(pairing) as pairing, arg_min(crm_id, pairing) as crm_id from {links()} group by 1
        ) l on l.marketo_id = p.id
        where p.{GONE} is null
        union all {_crm_records(mirrors, "contact", place=0, account='c."AccountId"', alive="true")}
        union all {_crm_records(mirrors, "lead", place=1, account="null", alive='not coalesce(c."IsConverted", false)')}
    )"""


def _crm_records(mirrors: Mirrors, name: str, place: int, account: str, alive: str) -> str:
    pairing = literal(name)
    return f"""
        select {literal(mirrors.crm)}, {pairing}, c."Id", l.marketo_id::varchar,
            coalesce(l.marketo_id::varchar, c."Id"), {place}, {address_sql('c."Email"')}, c."OwnerId",
            {account}, try(c."LastActivityDate"::timestamptz), c."CreatedDate",
            c.{quoted(SYNCED_AT)}
        from {mirrors.crm_records(name)} c left join {links(pairing)} l on l.crm_id = c."Id"
        where c.{GONE} is null and {alive}"""


def duplicates_sql(mirrors: Mirrors, among: str = "") -> str:
    """Return a query for the records of all groups, in the order of `COLUMNS`.

    Args:
        among: SQL for the addresses that are looked at; empty for all.
    """
    records = records_sql(mirrors)
    only = f"in ({among})" if among else "is not null"
    order = "place, owned desc, last_activity_at desc nulls last, created_at nulls last, length(record_id), record_id"
    compared = ("place", "owned", "last_activity_at", "created_at")
    following = ", ".join(f"lead({name}) over kept_first as next_{name}" for name in compared)
    return f"""
        with doubled as (
            select email from {records} where email {only} group by email having min(identity) <> max(identity)
        ), member as (
            select * replace (coalesce(last_activity_at, active_at) as last_activity_at),
                coalesce(starts_with(owner_id, '{USER_PREFIX}'), false) as owned
            from (select * from {records} where email in (from doubled)) r
            left join ({_active(mirrors, records)}) a on r.system = 'marketo' and a.id = r.record_id
        ), counted as (
            select email, count(distinct identity) as persons, count(*) filter (system = 'marketo') as people,
                count(*) filter (system <> 'marketo') as others
            from member group by email
        ), ranked as (
            select *, row_number() over kept_first as nth, lead(record_id) over kept_first as next_id, {following}
            from member window kept_first as (partition by email, system order by {order})
        )
        select email, {_scopes()} as scopes, system, object, record_id, linked_to, owner_id, account_id,
            last_activity_at, nth = 1 as kept, case when nth = 1 then {_because()} end as because
        from ranked join counted using (email)"""


def _active(mirrors: Mirrors, records: str) -> str:
    """Return SQL for the last activity of the people in a group; activities are many, so only theirs are gathered."""
    people = f"select try_cast(record_id as bigint) from {records} where system = 'marketo' and email in (from doubled)"
    return (
        'select "leadId"::varchar as id, max("activityDate") as active_at '
        f'from {mirrors.records("activity", ACTIVITY)} where "leadId" in ({people}) group by 1'
    )


def _scopes() -> str:
    """Return SQL for the scopes of a group, from its numbers of people, of CRM records, and of different persons.

    More persons than the fuller side has records: each side has one that is linked to none of the other's.
    """
    tests = {Scope.MARKETO: "people > 1", Scope.CRM: "others > 1", Scope.ACROSS: "persons > greatest(people, others)"}
    cases = ", ".join(f"case when {test} then '{scope}' end" for scope, test in tests.items())
    return f"list_filter([{cases}], lambda x: x is not null)"


def _because() -> str:
    """Return SQL for what sets the record that is kept before the next one of its system."""
    return """case
            when next_id is null then 'the only one of its system'
            when place < next_place and system = 'marketo' and place = 0 then 'linked to a contact'
            when place < next_place and system = 'marketo' then 'linked to a lead'
            when place < next_place then 'a contact, before a lead'
            when owned and not next_owned then 'owned by a user'
            when last_activity_at is distinct from next_last_activity_at then 'active last'
            when created_at is distinct from next_created_at then 'made first'
            else 'the lowest id' end"""
