"""A first sync of a populated org into an empty Marketo, and what it costs in calls against their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, exactly, stated
from benchmarks.processes import spent
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.pipeline import Pipeline

PEOPLE = 100_000
A_CALL = 300  # records that Marketo takes
SPARE = 1.05
# What a cycle sends, by object; adding up one call for each 300 of them is the arithmetic of MK-REST-5.
MADE = """
    select pairing, count(*) as records from lake.sync.outbox join lake.sync.write_result using (write_id)
    where verdict = 'accepted' and side = 'marketo' group by 1 order by 1
"""
LIVING = """
    select (select count(*) from "Lead" where not "IsDeleted" and not "IsConverted")
        + (select count(*) from "Contact" where not "IsDeleted")
"""
SENT = "select coalesce(sum(calls), 0) from lake.sync.job where system = 'marketo' and operation like 'Push%'"


def first_sync(people: int = PEOPLE) -> Iterator[Bar]:
    """Sync so many people by REST calls alone, then by bulk import."""
    for way, import_from in (("by calls", 10**9), ("by bulk import", 10_000)):
        yield from _first(people, way, import_from)


def _first(people: int, way: str, import_from: int) -> Iterator[Bar]:
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_people(people), Path(folder, "org.duckdb"))
        with (
            Org.open(copy) as org,
            Sandbox(org) as salesforce,
            Subscription.open() as empty,
            MarketoSandbox(empty) as marketo,
        ):
            settings = {
                **salesforce.env(),
                **marketo.env(),
                "MARKETO_FIRST_DAY": (datetime.now(UTC) - timedelta(days=1)).date().isoformat(),
                "MARKETO_POLL_SECONDS": "10",
                "MARKETO_CALLS_IN_20_SECONDS": "100",
                "MARKETO_IMPORT_FROM": str(import_from),
                "WRITE_BACK": "apply",
            }
            pipeline = Pipeline(Path(folder), settings)
            cost = spent(pipeline.command("sync"), Path(folder), pipeline.environment)
            with pipeline.lake() as lake:
                made = dict(lake.rows(MADE))
                [(calls,)] = lake.rows(SENT)
            fewest = sum(-(-count // A_CALL) for count in made.values())
            said = ", ".join(f"{count:,} {name}" for name, count in made.items())
            yield stated(f"first sync of {people:,} people {way}", f"{said}: {cost.seconds:.0f} s")
            yield at_most("... calls to write them", calls, SPARE * fewest, note=f" (1 for each {A_CALL}: {fewest})")
            yield at_most("... peak memory", cost.peak / 1e9, 1.5, " GB")
            with org.cursor() as cursor:
                (living,) = cursor.execute(LIVING).fetchone() or (0,)
            there = empty.rows('select count(*) as n from lead where "externalPersonId" is not null')[0]["n"]
            yield exactly("... people in Marketo", int(there), living)
