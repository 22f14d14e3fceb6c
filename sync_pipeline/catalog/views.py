"""Views for analysts over the mirrors: declarations, SQL text with its meaning. Data only, no I/O.

They name columns and never `*`, so a field that becomes visible later is used by a join with the mirror itself, and
no view has to change for it (SF-OPP-8).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A view of the lake.

    Attributes:
        needs: the tables it reads, schema and name; it is made once they are all there.
    """

    schema: str
    name: str
    description: str
    needs: tuple[tuple[str, str], ...]
    sql: str


_ROLE, _OPPORTUNITY = ("salesforce", "opportunity_contact_role"), ("salesforce", "opportunity")

OPPORTUNITY = View(
    "people",
    "opportunity",
    "A row is one person's part in one opportunity, through its contact roles and nothing else (SF-OPP-3, SF-OPP-4). "
    "Join lake.salesforce.opportunity on opportunity_id to constrain by its fields.",
    (_ROLE, _OPPORTUNITY),
    """
    select r."ContactId" as contact_id, l.marketo_id as marketo_id, r."OpportunityId" as opportunity_id,
        list(distinct r."Role" order by r."Role") as roles, coalesce(bool_or(r."IsPrimary"), false) as is_primary,
        min(r."CreatedDate") as added_at
    from lake.salesforce.opportunity_contact_role r
    join lake.salesforce.opportunity o on o."Id" = r."OpportunityId" and o._deleted_at is null
    left join lake.sync.link l on l.pairing = 'contact' and l.crm_id = r."ContactId" and l.ended_at is null
    where r._deleted_at is null and r."ContactId" is not null
    group by all
    """,
)

TOTAL = View(
    "people",
    "opportunity_total",
    "A row is one person who is in an opportunity: how many, their amount and expected revenue, as numbers whatever "
    "the currency (SF-OPP-5, SF-OPP-7).",
    (_ROLE, _OPPORTUNITY),
    """
    with part as (
        select distinct r."ContactId" as contact_id, r."OpportunityId" as opportunity_id
        from lake.salesforce.opportunity_contact_role r where r._deleted_at is null and r."ContactId" is not null
    )
    select p.contact_id, l.marketo_id as marketo_id, count(*) as opportunities, sum(o."Amount") as amount,
        sum(o."ExpectedRevenue") as expected_revenue
    from part p
    join lake.salesforce.opportunity o on o."Id" = p.opportunity_id and o._deleted_at is null
    left join lake.sync.link l on l.pairing = 'contact' and l.crm_id = p.contact_id and l.ended_at is null
    group by p.contact_id, l.marketo_id
    """,
)

EVENT = View(
    "people",
    "opportunity_event",
    "A row is one event of a person: added to, removed from, or update of an opportunity (SF-OPP-6), with its time. "
    "Another role name in the same opportunity is neither (SF-OPP-11).",
    (_ROLE, _OPPORTUNITY, ("salesforce", "opportunity_changes")),
    """
    with spans as (
        select r."ContactId" as contact_id, r."OpportunityId" as opportunity_id, r."CreatedDate" as begins,
            least(r._deleted_at, o._deleted_at) as ends
        from lake.salesforce.opportunity_contact_role r
        join lake.salesforce.opportunity o on o."Id" = r."OpportunityId"
        where r."ContactId" is not null
    ), gaps as (
        select *, begins > max(coalesce(ends, timestamptz 'infinity')) over (
            partition by contact_id, opportunity_id order by begins
            rows between unbounded preceding and 1 preceding) as after_gap
        from spans
    ), numbered as (
        select *, count_if(coalesce(after_gap, true)) over (
            partition by contact_id, opportunity_id order by begins rows unbounded preceding) as period
        from gaps
    ), part as (
        select contact_id, opportunity_id, min(begins) as added_at,
            nullif(max(coalesce(ends, timestamptz 'infinity')), timestamptz 'infinity') as removed_at
        from numbered group by contact_id, opportunity_id, period
    ), event as (
        select contact_id, opportunity_id, 'Added to Opportunity' as event, added_at as happened_at,
            null::varchar[] as fields
        from part
        union all
        select contact_id, opportunity_id, 'Removed from Opportunity', removed_at, null from part
        where removed_at is not null
        union all
        select p.contact_id, p.opportunity_id, 'Opportunity is Updated', c._changed_at, c._fields
        from part p join lake.salesforce.opportunity_changes c on c."Id" = p.opportunity_id and c._change = 'update'
            and c._changed_at >= p.added_at and c._changed_at < coalesce(p.removed_at, timestamptz 'infinity')
    )
    select e.contact_id, l.marketo_id as marketo_id, e.opportunity_id, e.event, e.happened_at, e.fields
    from event e
    left join lake.sync.link l on l.pairing = 'contact' and l.crm_id = e.contact_id and l.ended_at is null
    """,
)

VIEWS = (OPPORTUNITY, TOTAL, EVENT)
