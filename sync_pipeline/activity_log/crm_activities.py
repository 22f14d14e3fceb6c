"""Tasks and events of the CRM, logged in Marketo on the person they are about, and again when they change (SF-ACT)."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipeline.activity_log import push
from sync_pipeline.activity_log.follow import ACTIVITY, CRM, MARKETO, Source, candidate, text_map
from sync_pipeline.activity_log.send import RESULT, SEND
from sync_pipeline.catalog import salesforce
from sync_pipeline.catalog.activity_types import CRM_ACTIVITY
from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, SYNCED_AT
from sync_pipeline.sales_insight.mirrors import MORE_CRM_TABLES, Mirrors, links
from sync_pipeline.sales_insight.touched import LINK, Marks, since

NAME = "crm_activity"
TABLES = ("task", "event")
OURS = "sync-pipeline"
LOGGED, UPDATED = CRM_ACTIVITY.events


def sources(mirrors: Mirrors, at: Marks) -> Iterator[Source]:
    """Yield the source of tasks and events that were written, or whose person was linked, since these marks.

    An event counts for its primary person alone (SF-ACT-11).
    """
    yield Source(NAME, MARKETO, CRM_ACTIVITY.name, _query(mirrors, at), changed=UPDATED)


def _query(mirrors: Mirrors, at: Marks) -> str:
    told = _attributes()
    chosen = candidate(
        key='c."Id"',
        person="l.marketo_id::varchar",
        happened_at='c."CreatedDate"',
        changed_at='c."LastModifiedDate"',
        event=literal(LOGGED),
        attributes="told",
        state="md5(told::varchar)",
    )
    return f"""
        with {_ours()},
        said as ({" union all by name ".join(_records(mirrors, name, at) for name in TABLES)}),
        c as (
            select s.*, {told} as told from said s
            left join {mirrors.crm_records("user")} u on u."Id" = s."OwnerId" left join ours o on o.id = s."Id"
            where coalesce(o.source, '') <> {literal(push.NAME)}
        )
        select {chosen} from c join {links()} l on l.crm_id = c."WhoId"
    """


def _ours() -> str:
    """Return the CTE of the records that were made by us, with what they tell: they come back once, marked so."""
    return (
        f"ours as (select r.record_id as id, coalesce(max(a.source), '{OURS}') as source from {RESULT} r "
        f"left join {SEND} s using (write_id) left join {ACTIVITY} a on a.activity_id = s.activity_id "
        f"where r.verdict = '{Verdict.ACCEPTED}' and coalesce(a.side, '{CRM}') = '{CRM}' and r.created group by all)"
    )


def _records(mirrors: Mirrors, name: str, at: Marks) -> str:
    linked = f"select crm_id from {ledger.table(LINK)} where {since(at.get(LINK), 'linked_at')}"
    columns = commas(map(quoted, MORE_CRM_TABLES[name]))
    return (
        f"select {columns}, {name == 'task'} as is_task from {mirrors.crm_records(name)} "
        f'where {quoted(DELETED_AT)} is null and "WhoId" is not null '
        f'and ({since(at.get(name), SYNCED_AT)} or "WhoId" in ({linked}))'
    )


def _attributes() -> str:
    """Return SQL for the attributes that the mappings of tasks name; an owner is told by name."""
    declared = {one.api_name for one in CRM_ACTIVITY.attributes}
    named = {m.marketo: f"s.{quoted(m.crm)}" for m in salesforce.TASK.mappings if m.marketo in declared}
    own = {"isTask": "s.is_task", "crmId": 's."Id"', "activityOwner": 'coalesce(u."Name", s."OwnerId")'}
    return text_map({**{str(name): sql for name, sql in named.items()}, **own, "origin": "o.source"})
