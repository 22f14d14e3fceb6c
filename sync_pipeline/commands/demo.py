"""`sync-pipeline demo`: the whole thing on the embedded sandbox, for somebody who has just cloned it."""

from __future__ import annotations

import sys
import time

import click

from sync_pipeline import assembly
from sync_pipeline.assembly import Systems
from sync_pipeline.commands.options import NOT_DONE, console, open_lake, settings
from sync_pipeline.commands.sandbox import CUSTOM_OBJECTS, ORG_FILES, SEED, crm_option, is_new, open_org
from sync_pipeline.commands.sync import line
from sync_pipeline.mirror import preflight, runs
from sync_pipeline.mirror.cycle import Done
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.live import edit
from sync_pipeline.sandbox.populate import populate
from sync_pipeline.settings import Settings

EDITS = 40
# Windows end so long before now; the demo's sandbox shows its records at once.
LAG = 1.0

# What an analyst sees, by CRM.
NEWEST = """
    select 'lead' as object, Id, _change, _fields, _after, _changed_at from lake.salesforce.lead_changes
    union all by name
    select 'contact' as object, Id, _change, _fields, _after, _changed_at from lake.salesforce.contact_changes
    order by _changed_at desc limit 8
"""
BY_MONTH = """
    select strftime(SystemModstamp, '%Y-%m') as month, count(*) as leads, count(distinct lower(Email)) as addresses
    from lake.salesforce.lead where _deleted_at is null group by 1 order by 1 desc limit 6
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
NEXT = {
    "make ui CRM={crm}": "the same org as assets in Dagster, living on",
    ".venv/bin/sync-pipeline sandbox serve --crm {crm}": "the org and its page in your browser: play the seller",
    ".venv/bin/sync-pipeline status": "how far each object is",
    ".venv/bin/sync-pipeline sql": "a shell on the tables; --attach for your own DuckDB",
    "docs/": "connect a real org, settings, tables, design",
}
QUERIES = {"salesforce": (NEWEST, BY_MONTH), "veeva": (NEWEST_OF_VEEVA, CALLS_BY_SPECIALTY)}


@click.command()
@click.option(
    "--people",
    type=click.IntRange(min=20),
    default=5_000,
    show_default=True,
    help="Leads and contacts, or person accounts.",
)
@click.option("--cycles", type=click.IntRange(min=1), default=3, show_default=True, help="Cycles after the first load.")
@crm_option
def demo(people: int, cycles: int, crm: str) -> None:
    """Populate an org, copy it, let its staff edit, and follow: the main job from end to end."""
    with open_org(crm) as org:
        _say(1, f"A {crm.title()} org on this machine")
        if is_new(org):
            made = populate(org, people, SEED)
            console.print(f"{sum(made.values()):,} records, {people:,} of them people, in {ORG_FILES[crm]}")
        else:
            console.print(f"going on with the org in {ORG_FILES[crm]}")
        with Sandbox(org) as sandbox:
            console.print(f"its own page, to see and edit records while the demo runs: {sandbox.url}/")
            given = _pointed_at(sandbox)
            _look(given)
            _follow(given, org, cycles)
    _say(5, "What next")
    for command, what in NEXT.items():
        console.print(f"  {command.format(crm=crm):62}{what}")


def _say(number: int, title: str) -> None:
    console.print(f"\n[bold]{number}. {title}[/bold]")


def _pointed_at(sandbox: Sandbox) -> Settings:
    """Return the settings of this environment, but for the login, which is to the sandbox."""
    given = {name.lower(): value for name, value in sandbox.env().items()}
    custom = CUSTOM_OBJECTS[given["crm"]]
    return settings(sync_lag_seconds=LAG, sync_custom_objects=custom, marketo_url="", **given)


def _look(given: Settings) -> None:
    _say(2, "The look before the first sync (sync-pipeline check)")
    found = preflight.check(Systems(given).crm, assembly.objects(given))
    console.print(f"organization {found.organization_id}, {found.total:,} records; findings: {len(found.findings)}")


def _follow(given: Settings, org: Org, cycles: int) -> None:
    with open_lake(given) as lake, lake.only_pipeline():
        source = assembly.source(given, lake)

        def cycle(number: int) -> None:
            done = runs.sync(source, assembly.objects(given), told=_tell)
            total = done.counts()
            span = (done.ended_at - done.started_at).total_seconds()
            console.print(
                f"cycle {number}: {total.read:,} read, {total.changed:,} changed, {total.calls} calls, {span:.1f} s"
            )
            if done.status != SUCCEEDED:
                click.echo(f"{done.status}: {done.message}", err=True)
                sys.exit(NOT_DONE)

        _say(3, "First load, then cycles while the staff edits (a real set-up pauses five minutes)")
        cycle(0)
        for number in range(1, cycles + 1):
            edits = edit(org, EDITS, int(time.time()))
            console.print(f"\nthe staff made {len(edits)} edits")
            time.sleep(LAG + 1)
            cycle(number)
        _say(4, "What an analyst sees, at any moment, while a sync runs")
        for query in QUERIES[given.crm]:
            with lake.reading() as con:
                con.sql(query).show(max_width=120)


def _tell(done: Done) -> None:
    if done.counts.changed or done.error:
        console.print("  " + line(done))
