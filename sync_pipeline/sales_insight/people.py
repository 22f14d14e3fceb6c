"""Who is in the feed, and with which 13 values (SIA-FEED-2 to -5). Pure SQL text over mirrors and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.sales_insight.fields import FIELDS, KEY, LINKEDIN, FeedField
from sync_pipeline.sales_insight.mirrors import PERSON, TEXT, Mirrors, links

# Ids of users begin so, those of queues with 00G: a fact of the platform, so no user need have been read before.
USER_PREFIX = "005"
GONE = quoted(DELETED_AT)


def fields(linkedin: str) -> tuple[FeedField, ...]:
    """Return the 13 values, the LinkedIn address from the Marketo field that was chosen for it."""
    return tuple(replace(field, person=linkedin) if field.name == LINKEDIN else field for field in FIELDS)


def notices(mirrors: Mirrors, chosen: Sequence[FeedField]) -> list[Notice]:
    """Return a notice for each value that stays empty because nothing that it comes from can be read."""
    hidden = [
        Notice("hidden_field", field.name, f"Marketo's person has no field {field.person} here: {field.label} is empty")
        for field in chosen
        if field.person and not mirrors.has("person", field.person)
    ]
    needed = {
        "salesforce_account_id": (("contact", "AccountId"),),
        "salesforce_opportunity_id": (
            ("opportunity", "Id"),
            ("opportunity_contact_role", "ContactId"),
            ("opportunity_contact_role", "OpportunityId"),
        ),
    }
    for name, columns in needed.items():
        missing = [f"{table}.{column}" for table, column in columns if not mirrors.has(table, column)]
        if missing:
            hidden.append(Notice("hidden_field", name, f"{mirrors.crm} shows no {', '.join(missing)}: {name} is empty"))
    return hidden


def people_sql(mirrors: Mirrors, chosen: Sequence[FeedField], among: str = "") -> str:
    """Return the CTEs of a query, `with ...`, to be followed by a select.

    `owned` holds each linked person whose lead or contact lives, with its `owner_id`; a contact stands before a lead.
    `fed` holds those whose owner is a user and who live in Marketo, with the 13 values. Any user will do (SIA-FEED-2);
    a queue is none (decision 7).

    Args:
        among: SQL for the Marketo ids that are looked at; empty for all.
    """
    only = f"where marketo_id in ({among})" if among else ""
    values = commas(f"{_value(field)} as {quoted(field.name)}" for field in chosen)
    person = {**PERSON, **{field.person: TEXT for field in chosen if field.person and field.name != KEY}}
    return f"""
        with linked as (select * from {links()} {only}),
        living as (
            select l.marketo_id, c."OwnerId" as owner_id, c."Id" as contact_id, null as lead_id,
                c."AccountId" as account_id
            from linked l join {mirrors.crm_records("contact")} c on l.pairing = 'contact' and c."Id" = l.crm_id
            where c.{GONE} is null
            union all
            select l.marketo_id, c."OwnerId", null, c."Id", null
            from linked l join {mirrors.crm_records("lead")} c on l.pairing = 'lead' and c."Id" = l.crm_id
            where c.{GONE} is null and not coalesce(c."IsConverted", false)
        ),
        owned as (
            select * from living
            qualify row_number() over (partition by marketo_id order by contact_id is null, contact_id, lead_id) = 1
        ),
        opportunity as ({_opportunities(mirrors)}),
        fed as (
            select {values}
            from owned o
            join {mirrors.records("person", person)} p on p.id = o.marketo_id
            left join opportunity on opportunity.contact_id = o.contact_id
            where starts_with(o.owner_id, '{USER_PREFIX}') and p.{GONE} is null
        )"""


def _value(field: FeedField) -> str:
    if field.person:
        return f"p.{quoted(field.person)}"
    ids = {
        "salesforce_contact_id": "o.contact_id",
        "salesforce_lead_id": "o.lead_id",
        "salesforce_account_id": "o.account_id",
        "salesforce_opportunity_id": "opportunity.opportunity_id",
    }
    return ids[field.name]


def _opportunities(mirrors: Mirrors) -> str:
    """Return SQL for the one opportunity of each contact (SPEC 31, decision 6)."""
    return f"""
            select r."ContactId" as contact_id, s."Id" as opportunity_id
            from {mirrors.crm_records("opportunity_contact_role")} r
            join {mirrors.crm_records("opportunity")} s on s."Id" = r."OpportunityId"
            where r.{GONE} is null and s.{GONE} is null and r."ContactId" in (select contact_id from owned)
            qualify row_number() over (
                partition by r."ContactId"
                order by coalesce(s."IsClosed", false), not coalesce(r."IsPrimary", false),
                    s."SystemModstamp" desc nulls last, s."Id"
            ) = 1"""
