"""People's parts in opportunities and campaigns of the CRM: added, removed, changed (SF-OPP-6, SF-CAMP-2).

What counts is whether a person has a part in something, not which record says so: a role that is renamed, or made anew,
is neither removed nor added (SF-OPP-11), and a membership goes on after a conversion (SF-CAMP-22).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sync_pipeline.activity_log.follow import ACTIVITY, MARKETO, Source, candidate, text_map
from sync_pipeline.catalog.activity_types import CAMPAIGN_EVENT, OPPORTUNITY_EVENT, ActivityType
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import DELETED_AT, SYNCED_AT
from sync_pipeline.sales_insight.mirrors import STAMP, TEXT, TRUTH, Mirrors, links
from sync_pipeline.sales_insight.touched import LINK, Marks, since


@dataclass(frozen=True)
class Membership:
    """A relation of people to something.

    Attributes:
        type: the activity type; its events say added, removed, changed.
        members, about: the mirrors of the relation and of what it is to.
        person: SQL for the id of the lead or contact, of a member `m`.
        to: the member's field that names what it is to.
        told: attributes by name, SQL of a member `m` and of what it is to, `a`.
        decides: of these, those whose difference is a change.
        wanted: the columns that are read.
    """

    type: ActivityType
    members: str
    about: str
    person: str
    to: str
    told: Mapping[str, str]
    decides: tuple[str, ...]
    wanted: Mapping[str, Mapping[str, str]]


_STAMPS = {"CreatedDate": STAMP, "LastModifiedDate": STAMP}
_WATCHED = {
    "stage": "StageName", "amount": "Amount", "closeDate": "CloseDate", "probability": "Probability",
    "isClosed": "IsClosed", "isWon": "IsWon", "type": "Type", "name": "Name",
}  # fmt: skip
MEMBERSHIPS = (
    Membership(
        OPPORTUNITY_EVENT,
        "opportunity_contact_role",
        "opportunity",
        'm."ContactId"',
        "OpportunityId",
        {**{name: f"a.{quoted(column)}" for name, column in _WATCHED.items()},
         "opportunityId": 'm."OpportunityId"', "role": 'm."Role"', "isPrimary": 'm."IsPrimary"'},
        tuple(_WATCHED),
        {"opportunity_contact_role": {"ContactId": TEXT, "OpportunityId": TEXT, "Role": TEXT, "IsPrimary": TRUTH,
                                      **_STAMPS},
         "opportunity": {"Id": TEXT, **dict.fromkeys(_WATCHED.values(), TEXT), "LastModifiedDate": STAMP}},
    ),
    Membership(
        CAMPAIGN_EVENT,
        "campaign_member",
        "campaign",
        'coalesce(m."ContactId", m."LeadId")',
        "CampaignId",
        {"campaignId": 'm."CampaignId"', "name": 'a."Name"', "status": 'm."Status"',
         "hasResponded": 'm."HasResponded"'},
        ("status",),
        {"campaign_member": {"LeadId": TEXT, "ContactId": TEXT, "CampaignId": TEXT, "Status": TEXT,
                             "HasResponded": TRUTH, **_STAMPS},
         "campaign": {"Id": TEXT, "Name": TEXT, "LastModifiedDate": STAMP}},
    ),
)  # fmt: skip


def sources(mirrors: Mirrors, at: Marks, of: Membership, now: datetime) -> Iterator[Source]:
    """Yield the source of one relation: what was written, or whose person was linked, since these marks."""
    if not mirrors.has(of.members):
        return
    _, removed, changed = of.type.events
    yield Source(of.type.name, MARKETO, of.type.name, _query(mirrors, at, of, now), changed=changed, removed=removed)


def _query(mirrors: Mirrors, at: Marks, of: Membership, now: datetime) -> str:
    to, gone, synced = f"m.{quoted(of.to)}", quoted(DELETED_AT), quoted(SYNCED_AT)
    members, about = (mirrors.records(name, of.wanted[name]) for name in (of.members, of.about))
    linked = f"select crm_id from {ledger.table(LINK)} where {since(at.get(LINK), 'linked_at')}"
    moved = f'select "Id" from {about} where {since(at.get(of.about))}'
    touched = f"select {to} from {members} m where {since(at.get(of.members))} or {of.person} in ({linked})"
    key = f"l.marketo_id || '/' || {to}"
    chosen = candidate(
        key="key",
        person="split_part(key, '/', 1)",
        happened_at=f"coalesce(added_at, {literal(now)})",
        changed_at=f"coalesce(changed_at, {literal(now)})",
        event=literal(of.type.events[0]),
        attributes="coalesce(told, last_told)",
        state="state",
        present="told is not null",
    )
    return f"""
        with touched as ({moved} union {touched}),
        living as (
            select {key} as key, {text_map(of.told)} as told, m."CreatedDate" as added_at,
                greatest(m."LastModifiedDate", a."LastModifiedDate") as changed_at,
                md5({text_map({name: of.told[name] for name in of.decides})}::varchar) as state
            from {members} m join {links()} l on l.crm_id = {of.person} join {about} a on a."Id" = {to}
            where {to} in (from touched) and m.{gone} is null and a.{gone} is null
            qualify row_number() over (partition by key order by m."CreatedDate", m.{synced}) = 1
        ),
        -- Whom we have told of: of these some may have lost their part, whatever became of its record.
        told as (
            select key, max_by(attributes, number) as last_told from {ACTIVITY}
            where source = {literal(of.type.name)} and split_part(key, '/', 2) in (from touched)
                and try_cast(split_part(key, '/', 1) as bigint) in (select marketo_id from {links()})
            group by key
        ),
        c as (select * from living full join told using (key))
        select {chosen} from c
    """
