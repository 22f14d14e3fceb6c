"""`sync-pipeline demo`: the whole thing on the embedded sandboxes, for somebody who has just cloned it."""

from __future__ import annotations

import click

from sync_pipeline.assembly import declarations
from sync_pipeline.commands.demo_scenes import SCENES, Person
from sync_pipeline.commands.demo_stage import Stage, stage
from sync_pipeline.commands.options import console
from sync_pipeline.commands.sandbox import crm_option
from sync_pipeline.commands.shown import lines
from sync_pipeline.commands.two_way import brief
from sync_pipeline.sync.inspection.explain import explain
from sync_pipeline.sync.planning import preview

PEOPLE = {"salesforce": 1_000, "veeva": 500}
FEW_FIELDS = 4

# What an analyst sees, by CRM.
NEWEST = """
    select 'lead' as object, Id, _change, _fields, _after, _changed_at from lake.salesforce.lead_changes
    union all by name
    select 'contact' as object, Id, _change, _fields, _after, _changed_at from lake.salesforce.contact_changes
    order by _changed_at desc limit 8
"""
WRITTEN = """
    select pairing as object, side as "to", operation, verdict, count(*) as writes, any_value(message) as said
    from lake.sync.outbox join lake.sync.write_result using (write_id) group by all order by all
"""
CONFLICTS = """
    select crm_id, field, base_value as before, crm_value as seller, marketo_value as marketer, winner
    from lake.sync.conflict order by noted_at desc limit 4
"""
NEWEST_OF_VEEVA = """
    select 'account' as object, Id, _change, _fields, _after, _changed_at from lake.veeva.account_changes
    union all by name
    select 'call' as object, Id, _change, _fields, _after, _changed_at from lake.veeva.call_changes
    order by _changed_at desc limit 8
"""
CALLS_BY_SPECIALTY = """
    select Specialty_1_vod__c as specialty, count(distinct a.Id) as professionals, count(*) as calls,
        count(*) filter (c.Is_Parent_Call_vod__c = 0) as in_groups, max(Call_Date_vod__c) as last_call
    from lake.veeva.call c join lake.veeva.account a on a.Id = c.Account_vod__c
    where Specialty_1_vod__c is not null and c._deleted_at is null and c.Status_vod__c = 'Submitted_vod'
    group by 1 order by calls desc limit 6
"""
QUERIES = {
    "salesforce": (NEWEST, WRITTEN, CONFLICTS),
    "veeva": (NEWEST_OF_VEEVA, CALLS_BY_SPECIALTY, WRITTEN, CONFLICTS),
}
NEXT = {
    "make ui CRM={crm}": "the same org as assets in Dagster, living on",
    "{given}.venv/bin/sync-pipeline status": "how far each object is",
    "{given}.venv/bin/sync-pipeline sql": "a shell on the tables; --attach for your own DuckDB",
    ".venv/bin/sync-pipeline sandbox serve --crm {crm} --marketo": "play the seller and the marketer in your browser",
    "docs/": "connect real systems, settings, tables, design",
}


@click.command()
@click.option(
    "--people", type=click.IntRange(min=20), show_default=" or ".join(f"{n:,} for {c}" for c, n in PEOPLE.items()),
    help="Leads and contacts, or person accounts.",
)  # fmt: skip
@click.option("--cycles", type=click.IntRange(min=1), default=2, show_default=True, help="Cycles in which people edit.")
@crm_option
def demo(people: int | None, cycles: int, crm: str) -> None:
    """Populate systems, copy them, let their staff edit, follow, and sync: the main job from end to end."""
    _say(1, f"A {crm.title()} org and a Marketo subscription on this machine")
    with stage(crm, people or PEOPLE[crm]) as on:
        _say(2, "The look before the first sync (sync-pipeline check)")
        on.look()
        somebody = _follow(on, cycles)
        _say(5, "What an analyst sees, at any moment, while a sync runs")
        for query in QUERIES[crm]:
            with on.lake.reading() as con:
                con.sql(query).show(max_width=120)
        _explain(on, somebody)
    _say(6, "What next")
    for command, what in NEXT.items():
        console.print(f"  {command.format(crm=crm, given='CRM=veeva ' * (crm == 'veeva')):72}  {what}")


def _say(number: int, title: str) -> None:
    console.print(f"\n[bold]{number}. {title}[/bold]")


def _follow(on: Stage, cycles: int) -> Person:
    """Play the cycles; return whom the last scene was about."""
    _say(3, "First load (sync-pipeline sync)")
    on.read()
    console.print("\nwhat a cycle would write, and why (sync-pipeline plan); nothing is written yet:")
    _plan(on, on.sync(apply=False))
    console.print("\nand written (WRITE_BACK=apply):")
    on.sync(apply=True)
    _say(4, "Cycles while people edit (a real set-up pauses five minutes)")
    somebody = Person(on)
    for number in range(cycles):
        on.live()
        if number < len(SCENES):
            somebody = SCENES[number](on)
        on.read()
        on.sync(apply=True)
    console.print("\nnobody edits; our own writes come back, and none of them is taken for an edit:")
    on.read()
    on.sync(apply=True)
    return somebody


def _plan(on: Stage, run_id: str) -> None:
    with on.lake.reading() as con:
        found = [brief(one) for one in preview.reasons(con, run_id)]
    for told in lines(found) if found else ():
        console.print(told)


def _explain(on: Stage, somebody: Person) -> None:
    console.print(f"\nthe whole story of one {somebody.kind.called} (sync-pipeline explain {somebody.crm_id}):")
    with on.lake.reading() as con:
        for chapter in explain(con, declarations.pairings(on.given), somebody.crm_id):
            if chapter.rows:
                records = [dict(zip(chapter.names, row, strict=True)) for row in chapter.rows]
                console.print("\n".join([chapter.title, *lines(records, FEW_FIELDS)]))
