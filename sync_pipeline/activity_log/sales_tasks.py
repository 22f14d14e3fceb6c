"""Sales activities of chosen kinds, logged in the CRM as tasks of the lead or contact they were about (SIA-LOG)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_pipeline.activity_log.follow import CRM, TASK, Source, candidate, text_map
from sync_pipeline.activity_log.sales import given
from sync_pipeline.catalog.sales_tasks import FIELDS, SUBJECT_FIELDS, SUBJECT_LENGTH, TYPES, subject_parts
from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Describe
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.mirrors import Mirrors, links

NAME = "sales_task"
GONE = quoted(DELETED_AT)
BY_MAIL = ("send_email", "reply")  # a call is logged by id alone (SIA-LOG-3 and 4)
PATIENCE = timedelta(days=1)  # for whom is not read, or not linked, yet


@dataclass(frozen=True)
class Options:
    """What an administrator chooses.

    Attributes:
        kinds: of `catalog.sales_tasks.TYPES`; none by default (SIA-LOG-1).
        subject: the template, with dynamic fields in double braces (SIA-LOG-8).
        newest: whether of several records of one address the one modified last is taken, or none (SIA-LOG-10).
    """

    kinds: Collection[str] = ()
    subject: str = "{{activity_type}}: {{activity_subject}}"
    newest: bool = False


def sources(mirrors: Mirrors, options: Options, described: Describe, now: datetime) -> Iterator[Source]:
    """Yield the source of tasks; `described` is what the org says of its tasks."""
    if options.kinds:
        new = given(NAME, options.kinds)
        yield Source(NAME, CRM, TASK, _query(mirrors, options, described, now, new), given=new)


def _query(mirrors: Mirrors, options: Options, described: Describe, now: datetime, new: str) -> str:
    chosen = candidate(
        key="key",
        person="who",
        happened_at="happened_at",
        event="'Logged'",
        attributes=_values(options.subject, described),
        code="code",
        message="case code when 'AMBIGUOUS' then fits || ' records of the CRM have this address' "
        "when 'NO_CONNECTION' then 'who sent it is no active user of the CRM' "
        "when 'NOT_FOUND' then 'no living lead or contact was found within a day' end",
    )
    return f"""
        with given as (
            select *, {address_sql("coalesce(received_by, call_made_by, sent_by)")} as sender from ({new})
        ),
        {_records(mirrors)},
        {_persons(options)},
        {_users(mirrors)},
        told as (
            select g.* exclude (sender), p.who, p.fits, owner_id,
                coalesce(f.salesforce_opportunity_id, f.salesforce_account_id, r.account_id) as what,
                case when p.who is null and p.fits > 1 then 'AMBIGUOUS' when p.who is null then 'NOT_FOUND'
                    when g.sender is not null and owner_id is null then 'NO_CONNECTION' end as code
            from given g join found p using (key) left join users u on u.sender = g.sender
            left join record r on r.id = p.who
            left join (select * from {full_name(*tables.PEOPLE.table)} where _left_at is null) f
                on f.salesforce_contact_id = p.who
        )
        select {chosen} from told where coalesce(code, '') <> 'NOT_FOUND' or _received_at < {literal(now - PATIENCE)}
    """


def _records(mirrors: Mirrors) -> str:
    """Return the CTE of living leads and contacts; a contact stands before a lead (decision 41)."""
    return f"""
        record as (
            select "Id" as id, {address_sql('"Email"')} as email, 0 as place, "AccountId" as account_id, _synced_at
            from {mirrors.crm_records("contact")} where {GONE} is null
            union all
            select "Id", {address_sql('"Email"')}, 1, null, _synced_at from {mirrors.crm_records("lead")}
            where {GONE} is null and not coalesce("IsConverted", false)
        )"""


def _persons(options: Options) -> str:
    """Return the CTEs that find whom an activity was about: by id, by the person's link, or, of e-mails, by address."""
    fits = "count(*) over (partition by g.key, r.place)"
    mailed = "m.id" if options.newest else "if(m.fits = 1, m.id, null)"
    return f"""
        by_id as (
            select g.key, any_value(r.id) as id from given g join record r on left(r.id, 15) = left(g.salesforce_id, 15)
            group by all
        ),
        by_link as (
            select g.key, min_by(r.id, r.place) as id from given g join {links()} l on l.marketo_id = g._person_id
            join record r on r.id = l.crm_id group by all
        ),
        by_mail as (
            select g.key, r.id, {fits} as fits
            from given g join record r on r.email = {address_sql("g.email")} where g.kind in ({_mail_kinds()})
            qualify row_number() over (partition by g.key order by r.place, r._synced_at desc, r.id) = 1
        ),
        found as (
            select g.key, m.fits, coalesce(i.id, l.id, {mailed}) as who
            from given g left join by_id i using (key) left join by_link l using (key) left join by_mail m using (key)
        )"""


def _mail_kinds() -> str:
    return commas(map(literal, BY_MAIL))


def _users(mirrors: Mirrors) -> str:
    """Return the CTE of active users by what tells only one: a task belongs to who sent it (SIA-LOG-5)."""
    user = mirrors.crm_records("user")
    names = " union all ".join(
        f'select {address_sql(quoted(name))} as sender, "Id" as id from {user} where "IsActive" and {GONE} is null'
        for name in ("Email", "Username", "Id", "Name")
    )
    return f"users as (select sender, min(id) as owner_id from ({names}) group by all having min(id) = max(id))"


def _values(template: str, described: Describe) -> str:
    """Return SQL for the fields of a task, of those that the org has (SIA-LOG-9)."""
    types = described.field("Type")
    there = {name for name in TYPES.values() if types and name in types.picklist}
    each = " ".join(f"when {literal(kind)} then {literal(name)}" for kind, name in TYPES.items() if name in there)
    values = {
        "Subject": _subject(template),
        "Status": "'Completed'",
        "Priority": "'Normal'",
        "ActivityDate": "timezone('UTC', happened_at)::date",
        "OwnerId": "owner_id",
        # Only a contact's task may be about an account or opportunity (SIA-LOG-11).
        "WhatId": "case when starts_with(who, '003') then what end",
        "Description": "details",
        **({"Type": f"case kind {each} end"} if each else {}),
        **{name: quoted(column) for name, column in FIELDS.items()},
    }
    writable = {field.name for field in described.fields if field.createable}
    return text_map({name: sql for name, sql in values.items() if name in writable})


def _subject(template: str) -> str:
    kinds = " ".join(f"when {literal(kind)} then {literal(name)}" for kind, name in TYPES.items())
    about = "coalesce(subject, email_subject, call_outcome, '')"
    columns = {
        "activity_type": f"case kind {kinds} end",
        "activity_subject": about,
        **{name: f"coalesce({quoted(column)}, '')" for name, column in SUBJECT_FIELDS.items()},
    }
    parts = enumerate(subject_parts(template))
    told = commas(columns[part] if place % 2 else literal(part) for place, part in parts)
    written = f"case when kind = 'reply' then 'Reply: ' || {about} else concat({told}) end"  # SIA-LOG-7
    return f"left(trim(regexp_replace({written}, '\\s+', ' ', 'g')), {SUBJECT_LENGTH})"
