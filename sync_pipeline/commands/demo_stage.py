"""What the demo plays on: sandboxes as they were left or made anew, a lake, and cycles that are told line by line."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click

from sync_pipeline.assembly import declarations
from sync_pipeline.assembly import runs as assembly
from sync_pipeline.assembly.systems import Systems
from sync_pipeline.commands import two_way
from sync_pipeline.commands.options import NOT_DONE, console, open_lake, settings
from sync_pipeline.commands.sandbox import CUSTOM_OBJECTS, ORG_FILES, SEED, is_new, open_org
from sync_pipeline.commands.sandbox_marketo import FILES, open_subscription
from sync_pipeline.commands.sync import each_system, line
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import preflight, runs
from sync_pipeline.mirror.cycle import Done
from sync_pipeline.model import FAILED, SUCCEEDED, Counts, worst
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population import populate as marketo_population
from sync_pipeline.sandbox.marketo.population.live import edit as edit_marketo
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline.sandbox.salesforce.population.populate import populate
from sync_pipeline.settings import Settings

EDITS, MARKETO_EDITS = 40, 10
# Windows end so long before now and reach back so far: the demo's sandboxes show their records at once.
LAG, OVERLAP = 1.0, 10.0
# Of all people, those that Marketo alone knows. A first load costs export jobs for every month since the first came.
OWN_SHARE, OWN_MONTHS = 0.1, 1.0


@dataclass
class Stage:
    """An org, a subscription beside it, the settings that point at them, and their lake."""

    org: Org
    subscription: Subscription
    given: Settings
    lake: Lake
    over: Systems

    def look(self) -> None:
        """Tell what `sync-pipeline check` finds."""
        objects = declarations.objects(self.given)
        for system in self.given.systems():
            found = preflight.check(self.over.connector(system), [obj for obj in objects if obj.system == system])
            size = f"{found.total:,} records" if found.total else "its size is told by the first load"
            console.print(f"{system}: login works, {size}, findings: {len(found.findings)}")

    def live(self) -> None:
        """Let the staff of both systems edit; the seed is the same in every first demo, ids of new persons are not."""
        ((seed,),) = self.lake.rows("select count(*) from lake.sync.run")
        ours, theirs = len(edit(self.org, EDITS, seed)), len(edit_marketo(self.subscription, MARKETO_EDITS, seed))
        console.print(f"\nthe staff made {ours} edits in {self.org.schema.crm.title()} and {theirs} in Marketo")

    def read(self) -> None:
        """Bring the mirrors up to date, or end the demo."""
        time.sleep(LAG + 1)
        began = time.monotonic()
        cycles = each_system(
            self.given, self.lake, self.over, declarations.objects(self.given), lambda *_: None,
            lambda source, objects: runs.sync(source, objects, told=_tell),
        )  # fmt: skip
        total = sum((cycle.counts() for cycle in cycles), Counts())
        span = time.monotonic() - began
        console.print(f"cycle: {total.read:,} read, {total.changed:,} changed, {total.calls} calls, {span:.1f} s")
        _go_on_if(worst(cycle.status for cycle in cycles) == SUCCEEDED, [c.message for c in cycles])

    def sync(self, apply: bool) -> str:
        """Decide and, where it is to be applied, write; return the run. What is rejected is part of the play."""
        run_id = uuid.uuid4().hex
        status, done = assembly.pass_over(self.given, self.lake, self.over if apply else None, run_id)
        busy = [synced for synced in done if synced.planned.touched or synced.error]
        for synced in busy:
            console.print("  " + two_way.line(synced))
        if not busy:
            console.print("  nothing to decide, nothing to write")
        _go_on_if(status != FAILED, [synced.said for synced in done])
        return run_id


@contextmanager
def stage(crm: str, people: int) -> Iterator[Stage]:
    """Open or make the sandboxes, serve them, and give the stage."""
    with ExitStack() as opened:
        org = opened.enter_context(open_org(crm))
        if is_new(org):
            made = populate(org, people, SEED)
            console.print(f"{sum(made.values()):,} records, {people:,} of them people, in {ORG_FILES[crm]}")
        else:
            console.print(f"going on with the org in {ORG_FILES[crm]}")
        services: list[Service] = [Sandbox(org)]
        subscription = opened.enter_context(a_subscription(crm, people))
        services.append(MarketoSandbox(subscription))
        for service in services:
            opened.enter_context(service)
            console.print(f"to see and edit records while the demo runs: {service.title} at {service.url}/")
        given = _pointed_at(services)
        lake = opened.enter_context(open_lake(given))
        opened.enter_context(lake.only_pipeline())
        yield Stage(org, subscription, given, lake, Systems(given, lake))


@contextmanager
def a_subscription(crm: str, people: int) -> Iterator[Subscription]:
    """Open the subscription as it was left, or make one that fits an org of so many people."""
    with open_subscription(crm=crm) as subscription:
        if subscription.rows("select id from lead limit 1"):
            console.print(f"going on with the subscription in {FILES[crm]}")
        else:
            own = max(20, round(people * OWN_SHARE))
            made = marketo_population.populate(subscription, own, SEED, months=OWN_MONTHS)
            console.print(f"{sum(made.values()):,} records, {own:,} of them people, in {FILES[crm]}")
        yield subscription


def _pointed_at(services: Sequence[Service]) -> Settings:
    """Return the settings of this environment, but for the logins, which are to the sandboxes."""
    given = {name.lower(): value for service in services for name, value in service.env().items()}
    custom = CUSTOM_OBJECTS[given["crm"]]
    return settings(
        **{
            "sync_lag_seconds": LAG,
            "sync_overlap_seconds": OVERLAP,
            "sync_custom_objects": custom,
            **given,
        }
    )


def _go_on_if(is_done: bool, messages: Sequence[str]) -> None:
    if not is_done:
        click.echo("; ".join(filter(None, messages)), err=True)
        sys.exit(NOT_DONE)


def _tell(done: Done) -> None:
    if done.counts.changed or done.error:
        console.print("  " + line(done))
