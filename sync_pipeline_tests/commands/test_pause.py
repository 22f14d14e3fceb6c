"""`pause` and `resume` as a user meets them, around a change of data and of custom objects."""

from __future__ import annotations

import json
import time

from sync_pipeline.lake import Lake
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline.sandbox.marketo.population.live import change
from sync_pipeline_tests.commands.test_both_systems import Run, environment, marketo, run, salesforce, told

__all__ = ["environment", "marketo", "run", "salesforce"]

SYNC = ("sync", "--objects", "contact,marketo/person", "--json")
AT_ONCE = {"SYNC_LAG_SECONDS": "0"}


def values(run: Run, query: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("sql", "--json", query).stdout.splitlines()]


def test_nothing_of_a_pause_is_lost_and_nothing_is_synced_meanwhile(
    run: Run, salesforce: Sandbox, marketo: MarketoSandbox
) -> None:
    """GEN-9, GEN-10: what follows a pause begins where it stopped, on both sides."""
    assert told(run(*SYNC)) == {"contact": "Succeeded", "marketo/person": "Succeeded"}
    paused = run("pause", "new fields")
    assert "the sync is paused since" in paused.stdout
    assert "(new fields); `sync-pipeline resume` lets it go on" in paused.stdout
    assert run("pause", "again").stdout == paused.stdout

    (ada,) = salesforce.org.insert("Contact", [{"LastName": "Ada"}])
    change(marketo.subscription, 1, {"lastName": "Changed"})
    refused = run(*SYNC)
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {paused.stdout}")
    assert json.loads(run("status", "--json").stdout)["paused"] == paused.stdout.strip()
    assert values(run, "select count(*) as n from lake.salesforce.contact") == [{"n": 0}]

    assert run("resume").stdout.startswith("the sync goes on; it was paused since")
    time.sleep(1)  # stamps are of whole seconds, and a window leaves out the second that it ends in
    assert told(run(*SYNC, **AT_ONCE)) == {"contact": "Succeeded", "marketo/person": "Succeeded"}
    assert values(run, 'select "Id" as id from lake.salesforce.contact') == [{"id": ada}]
    assert values(run, 'select "lastName" as name from lake.marketo.person') == [{"name": "Changed"}]
    assert run("resume").stdout == "it was not paused\n"


def test_a_pause_waits_for_the_cycle_at_work_and_custom_objects_change_after_it(
    run: Run, environment: dict[str, str]
) -> None:
    """SF-CO-5, GEN-10: while a cycle is at work no other settings come in, and none do before the sync goes on."""
    chosen = {"SYNC_CUSTOM_OBJECTS": "Invoice__c"}
    invoices = ("sync", "--objects", "invoice__c", "--json")
    with Lake.open(environment["LAKE_CATALOG"], environment["LAKE_DATA"]) as lake, lake.only_pipeline():
        for command in (invoices, ("pause", "--wait", "0")):
            other = run(*command, **chosen)
            assert (other.exit_code, "another pipeline is syncing" in other.stderr) == (1, True)
    run("pause", "custom objects")
    assert "custom objects" in run(*invoices, **chosen).stderr
    assert values(run, "select count(*) as n from duckdb_tables() where table_name = 'invoice__c'") == [{"n": 0}]
    run("resume")
    assert told(run(*invoices, **chosen)) == {"invoice__c": "Succeeded"}
