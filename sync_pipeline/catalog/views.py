"""Views for analysts over the mirrors: declarations, SQL text with its meaning. Data only, no I/O.

They name columns and never `*`, so a field that becomes visible later is used by a join with the mirror itself, and
no view has to change for it (SF-OPP-8).
"""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipeline.identifiers import address_sql
from sync_pipeline.model import Pairing


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

_MEMBER = ("salesforce", "campaign_member")
_PERSON = """
    left join lake.sync.link l on l.pairing in ('contact', 'lead') and l.ended_at is null
        and l.crm_id = coalesce(m."ContactId", m."LeadId")
"""

CAMPAIGN = View(
    "people",
    "campaign",
    "A row is one person in one campaign, whether it is linked to a program or not, with the status and when they "
    "first responded (SF-CAMP-2, SF-CAMP-21).",
    (_MEMBER,),
    f"""
    select coalesce(m."ContactId", m."LeadId") as crm_id, l.marketo_id as marketo_id, m."CampaignId" as campaign_id,
        m."Id" as member_id, m."Status" as status, m."HasResponded" as has_responded,
        m."FirstRespondedDate" as first_responded_on, m."CreatedDate" as added_at
    from lake.salesforce.campaign_member m {_PERSON} where m._deleted_at is null
    """,
)

CAMPAIGN_EVENT = View(
    "people",
    "campaign_event",
    "A row is one event of a person: added to, removed from, or status changed in a campaign (SF-CAMP-2), with its "
    "time and the statuses before and after.",
    (_MEMBER, ("salesforce", "campaign_member_changes")),
    f"""
    with event as (
        select c."Id" as member_id, 'Added to Campaign' as event, c."CreatedDate" as happened_at,
            null::varchar as before, null::varchar as after
        from lake.salesforce.campaign_member c
        union all
        select c."Id", 'Removed from Campaign', c._deleted_at, c."Status", null
        from lake.salesforce.campaign_member c where c._deleted_at is not null
        union all
        select c."Id", 'Status is Changed in Campaign', c._changed_at, c._before['Status'], c._after['Status']
        from lake.salesforce.campaign_member_changes c
        where c._change = 'update' and list_contains(c._fields, 'Status')
    )
    select coalesce(m."ContactId", m."LeadId") as crm_id, l.marketo_id as marketo_id, m."CampaignId" as campaign_id,
        e.event, e.happened_at, e.before, e.after
    from event e join lake.salesforce.campaign_member m on m."Id" = e.member_id {_PERSON}
    """,
)


def custom_object_event(pairing: Pairing) -> View:
    """Return the view of what happens to the records of a custom object, by whom they belong to (SF-CO-9).

    Args:
        pairing: with its lookups, see `custom_objects.fitted`.
    """
    mirror, changes, name = pairing.crm.table, pairing.crm.changes_table, pairing.crm.name
    of = " union all ".join(
        f"""select o."Id" as record_id, '{other}' as belongs_to, o."{m.crm}" as crm_id
        from lake.{mirror[0]}."{name}" o where o."{m.crm}" in (
            select crm_id from lake.sync.link where pairing = '{other}')"""
        for m in pairing.mappings
        for other in m.refers_to
    )
    return View(
        "people",
        f"{name}_event",
        f"A row is one event of one {pairing.crm.source} since its first load, for each record of `belongs_to` that it "
        "belongs to: added, updated, deleted, restored, with its time, the fields that changed, and their values.",
        (mirror, changes),
        f"""
    with of as ({of})
    select of.belongs_to, of.crm_id, l.marketo_id, c."Id" as record_id,
        case c._change when 'insert' then 'Added' when 'update' then 'Updated' when 'delete' then 'Deleted'
            else 'Restored' end as event,
        c._changed_at as happened_at, c._fields as fields, c._before as before, c._after as after
    from lake.{mirror[0]}."{changes[1]}" c
    join of on of.record_id = c."Id"
    join lake.sync.watermark w on w.system = '{mirror[0]}' and w.object = '{name}'
        and c._detected_at > w.first_loaded_at
    left join lake.sync.link l on l.pairing = of.belongs_to and l.crm_id = of.crm_id and l.ended_at is null
    """,
    )


OWNER = View(
    "people",
    "owner",
    "A row is one lead or contact with the values of its owner, which are empty where that is a queue, and of the "
    "owner of its account (SF-USER-2 to 4). In Marketo they are those of the sales persons of person and company.",
    (("salesforce", "user"), ("salesforce", "account"), ("salesforce", "contact"), ("salesforce", "lead")),
    """
    with person as (
        select "Id", "OwnerId", "AccountId" from lake.salesforce.contact where _deleted_at is null
        union all
        select "Id", "OwnerId", null from lake.salesforce.lead
        where _deleted_at is null and not coalesce("IsConverted", false)
    )
    select p."Id" as crm_id, l.marketo_id as marketo_id, p."OwnerId" as owner_id,
        u."FirstName" as sales_owner_first_name, u."LastName" as sales_owner_last_name,
        u."Title" as sales_owner_title, u."Phone" as sales_owner_phone, u."Email" as sales_owner_email,
        p."AccountId" as account_id, o."FirstName" as account_owner_first_name,
        o."LastName" as account_owner_last_name, o."Email" as account_owner_email
    from person p
    left join lake.salesforce.user u on u."Id" = p."OwnerId"
    left join lake.salesforce.account a on a."Id" = p."AccountId"
    left join lake.salesforce.user o on o."Id" = a."OwnerId"
    left join lake.sync.link l on l.pairing in ('contact', 'lead') and l.crm_id = p."Id" and l.ended_at is null
    """,
)

POSSIBLE_DUPLICATE = View(
    "people",
    "possible_duplicate",
    "A row is one person in Marketo who shares a value with others: an e-mail address whatever its case, or, exactly, "
    "full name, last name or time of change (MERGE-12). `pairing` and `crm_id` tell who it is in the CRM.",
    (("marketo", "person"),),
    """
    with told as (
        select id::varchar as marketo_id, unnest([
            {'field': 'email', 'value': <address>},
            {'field': 'full name', 'value': "firstName" || ' ' || "lastName"},
            {'field': 'last name', 'value': "lastName"},
            {'field': 'updated at', 'value': "updatedAt"::varchar}
        ], recursive := true)
        from lake.marketo.person where _deleted_at is null
    ), shared as (
        from told where value is not null qualify count(*) over (partition by field, value) > 1
    )
    select s.field, s.value, s.marketo_id, l.pairing, l.crm_id
    from shared s
    left join lake.sync.link l on l.marketo_object = 'person' and l.marketo_id = s.marketo_id and l.ended_at is null
    """.replace("<address>", address_sql("email")),
)

_CALL, _ACCOUNT = ("veeva", "call"), ("veeva", "account")
_OF_CALL = """
    join lake.veeva.account a on a."Id" = c."Account_vod__c" and a."IsPersonAccount" and a._deleted_at is null
    left join lake.sync.link l on l.pairing = 'person_account' and l.crm_id = a."Id" and l.ended_at is null
"""

CALL = View(
    "people",
    "call",
    "A row is one call on one person account, and whether Marketo has it too, as it has those of six months on "
    "professionals (VV-CALL-5: Has Call). Join lake.veeva.call on call_id to constrain by its fields.",
    (_CALL, _ACCOUNT),
    f"""
    select a."Id" as account_id, l.marketo_id as marketo_id, c."Id" as call_id, c."Call_Date_vod__c" as called_on,
        c."Call_Type_vod__c" as call_type, c."Status_vod__c" as status, c."Is_Parent_Call_vod__c" = 1 as is_parent,
        k.crm_id is not null as in_marketo
    from lake.veeva.call c {_OF_CALL}
    left join lake.sync.link k on k.pairing = 'call' and k.crm_id = c."Id" and k.ended_at is null
    where c._deleted_at is null
    """,
)

CALL_KEY_MESSAGE = View(
    "people",
    "call_key_message",
    "A row is one key message in one call on one person account, with the reaction to it, and whether Marketo has it "
    "too (VV-CALL-5: Has Call Key Message). Join lake.people.call on call_id to constrain by the call.",
    (_CALL, _ACCOUNT, ("veeva", "call_key_message")),
    f"""
    select a."Id" as account_id, l.marketo_id as marketo_id, c."Id" as call_id, m."Id" as call_key_message_id,
        m."Key_Message_Name_vod__c" as key_message, m."Product_Name__c" as product, m."Category_vod__c" as category,
        m."Clm_Presentation_Name_vod__c" as presentation, m."Reaction_vod__c" as reaction,
        k.crm_id is not null as in_marketo
    from lake.veeva.call_key_message m
    join lake.veeva.call c on c."Id" = m."Call2_vod__c" and c._deleted_at is null {_OF_CALL}
    left join lake.sync.link k on k.pairing = 'call_key_message' and k.crm_id = m."Id" and k.ended_at is null
    where m._deleted_at is null
    """,
)

TYPE = View(
    "people",
    "crm_type",
    "A row is one person in Marketo with its SFDC Type: Lead, Contact, or empty where only Marketo knows it (FIELD-2), "
    "the id there, and whether the record was deleted. These are system fields of Marketo that no API can write.",
    (("marketo", "person"), ("sync", "link")),
    """
    select p."id" as marketo_id, p."email" as email,
        case l.pairing when 'lead' then 'Lead' when 'contact' then 'Contact' when 'person_account' then 'Contact' end
            as type, l.crm_id as crm_id, l.linked_at as linked_at, l.ended_at is not null as is_deleted
    from lake.marketo.person p
    left join lake.sync.link l on l.marketo_object = 'person' and l.marketo_id = p."id"::varchar
        and l.pairing in ('lead', 'contact', 'person_account')
        and (l.ended_at is null or l.ended_because = 'deleted in the CRM')
    where p._deleted_at is null
    qualify row_number() over (partition by p."id" order by l.ended_at desc nulls first, l.pairing) = 1
    """,
)

VIEWS = (
    OPPORTUNITY,
    TOTAL,
    EVENT,
    CAMPAIGN,
    CAMPAIGN_EVENT,
    OWNER,
    POSSIBLE_DUPLICATE,
    CALL,
    CALL_KEY_MESSAGE,
    TYPE,
)
