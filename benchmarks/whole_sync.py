"""A first sync of everything a populated org holds into an empty Marketo, its calls, and a quiet cycle afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, exactly, stated
from benchmarks.processes import spent
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records import custom_objects
from sync_pipeline_tests.pipeline import Pipeline

# A middling customer; the rest is as `populate` would make it for so many people.
SIZES = MappingProxyType(
    {"Lead": 55_000, "Contact": 45_000, "Opportunity": 30_000, "OpportunityContactRole": 45_000, "Campaign": 200}
    | {"CampaignMember": 150_000, "CampaignMemberStatus": 800, "Task": 200_000, "Event": 0, "Invoice__c": 0}
    | {"Product_Interest__c": 100_000}
)
INTEREST = "productInterest_c"
A_CALL = 300
SPARE = 1.1
# One call for each 300 records of one kind that Marketo took, writes and activities alike (MK-REST-5).
WRITTEN = """
    select pairing as kind, count(*) as records from lake.sync.outbox join lake.sync.write_result using (write_id)
    where verdict = 'accepted' and side = 'marketo' group by all
    union all
    select 'activities', count(*) from lake.sync.activity join lake.sync.activity_send using (activity_id)
    join lake.sync.write_result using (write_id) where verdict = 'accepted' and side = 'marketo' having count(*) > 0
    order by all
"""
SENT = """
    select coalesce(sum(calls), 0) from lake.sync.job
    where system = 'marketo' and (operation like 'Push%' or operation like '%activities')
"""
# Each link stands for a record that is alike on both sides; so many of each are expected.
LINKED = {"Opportunity": "opportunity", "Product_Interest__c": "product_interest__c"}
LIVING = 'select count(*) from "{0}" where not "IsDeleted"'


def whole_sync(sizes: MappingProxyType[str, int] = SIZES) -> Iterator[Bar]:
    """Sync an org of 100,000 people with their opportunities, members, tasks and custom objects."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(orgs.new_folder()))
        copy = orgs.copy_of(orgs.of_sizes(sizes), folder / "org.duckdb")
        org = opened.enter_context(Org.open(copy))
        salesforce = opened.enter_context(Sandbox(org))
        empty = opened.enter_context(Subscription.open())
        _add_interest(empty)
        marketo = opened.enter_context(MarketoSandbox(empty))
        settings = {
            **salesforce.env(),
            **marketo.env(),
            "MARKETO_FIRST_DAY": (datetime.now(UTC) - timedelta(days=1)).date().isoformat(),
            "MARKETO_POLL_SECONDS": "1",
            "MARKETO_CALLS_IN_20_SECONDS": "100",
            "MARKETO_CUSTOM_OBJECTS": INTEREST,
            "SYNC_CUSTOM_OBJECTS": "Product_Interest__c",
            "SYNC_OVERLAP_SECONDS": "0",
            "WRITE_BACK": "apply",
        }
        pipeline = Pipeline(folder, settings)
        spent(pipeline.command("activities", "setup"), folder, pipeline.environment)
        began = time.monotonic()
        # What was imported in bulk has its number with the next cycle: then all that refers to it can follow.
        cycles = [spent(pipeline.command("sync"), folder, pipeline.environment) for _ in range(3)]
        seconds = time.monotonic() - began
        with pipeline.lake() as lake:
            written = dict(lake.rows(WRITTEN))
            [(calls,)] = lake.rows(SENT)
            links = dict(lake.rows("select pairing, count(*) from lake.sync.link where ended_at is null group by all"))
        fewest = sum(-(-count // A_CALL) for count in written.values())
        said = ", ".join(f"{count:,} {kind}" for kind, count in written.items())
        cpu = sum(cycle.cpu for cycle in cycles)
        yield stated("first sync of all objects", f"{said}: {seconds:.0f} s, {cpu:.0f} CPU s")
        yield at_most("... calls to write them", calls, SPARE * fewest, note=f" (1 for each {A_CALL}: {fewest})")
        yield at_most("... peak memory", max(cycle.peak for cycle in cycles) / 1e9, 1.5, " GB")
        with org.cursor() as cursor:
            for source, pairing in LINKED.items():
                (living,) = cursor.execute(LIVING.format(source)).fetchone() or (0,)
                yield exactly(f"... {source} linked", links.get(pairing, 0), living)
        yield from _quiet(pipeline, folder, salesforce, marketo)


def _quiet(pipeline: Pipeline, folder: Path, salesforce: Sandbox, marketo: MarketoSandbox) -> Iterator[Bar]:
    """Run a cycle in which our own last writes come back, then one in which nothing happens."""
    spent(pipeline.command("sync"), folder, pipeline.environment)
    before = salesforce.log.count("/services/data/*"), marketo.log.count("/rest/*")
    cost = spent(pipeline.command("sync"), folder, pipeline.environment)
    asked = salesforce.log.count("/services/data/*") - before[0], marketo.log.count("/rest/*") - before[1]
    yield stated("a quiet cycle afterwards: calls to Salesforce, to Marketo", f"{asked}; {cost.seconds:.1f} s")


def _add_interest(subscription: Subscription) -> None:
    custom_objects.create(subscription, INTEREST, "Product Interest", "Product Interests", None)
    fields: list[Mapping[str, object]] = [
        {"name": "sfdcId", "displayName": "SFDC Id", "dataType": "string", "isDedupeField": True},
        {
            "name": "person", "displayName": "Person", "dataType": "link",
            "relatedTo": {"name": "lead", "field": "id"},
        },
        {"name": "product", "displayName": "Product", "dataType": "string"},
        {"name": "interest", "displayName": "Interest", "dataType": "float"},
        {"name": "notes", "displayName": "Notes", "dataType": "text"},
    ]  # fmt: skip
    custom_objects.add_fields(subscription, INTEREST, fields)
    custom_objects.approve(subscription, INTEREST)
