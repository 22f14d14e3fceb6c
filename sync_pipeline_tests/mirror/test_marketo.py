"""A Marketo subscription mirrored: first load, what a day brings, quotas that end, and what nobody lists."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.marketo import Marketo, writes
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import FAILED, SUCCEEDED
from sync_pipeline.sandbox.marketo.population.load import load
from sync_pipeline.sandbox.marketo.population.populate import populate
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline_tests.marketo import OBJECTS, Connected, connected, declared, differences
from sync_pipeline_tests.sandbox.conftest import SHARED

POLICY = Policy(lag=timedelta(0), retry_wait=0.01)
MIRRORED = ("person", "activity", "program_member", "company", "sales_person", "opportunity", "opportunity_role")


class Mirrored:
    """A subscription that is mirrored into a lake; every cycle is one of a new process."""

    def __init__(self, system: Connected, lake: Lake, landing: Path) -> None:
        self.system, self.lake, self._landing = system, lake, landing

    def source(self, marketo: Marketo | None = None) -> Source:
        return Source(self.lake, marketo or self.system.connect(), self._landing, POLICY)

    def cycle(self, marketo: Marketo | None = None) -> Cycle:
        self.system.clock.pass_seconds(2)
        return runs.sync(self.source(marketo), OBJECTS)

    def follow(self) -> Cycle:
        """Run a cycle that must do all it had to."""
        done = self.cycle()
        assert (done.status, done.message) == (SUCCEEDED, "")
        return done

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.lake.rows(query)

    def differences(self, names: Sequence[str] = MIRRORED) -> list[str]:
        return [said for name in names for said in differences(self.system, self.lake, declared(name))]


@pytest.fixture
def mirrored(lake: Lake, tmp_path: Path) -> Iterator[Mirrored]:
    with connected() as system:
        yield Mirrored(system, lake, tmp_path / "landing")


@pytest.fixture
def webinar(mirrored: Mirrored) -> int:
    now = mirrored.system.subscription.present()
    stamps = {"createdAt": now, "updatedAt": now}
    steps = [{"name": n, "step": i, "success": False} for i, n in enumerate(("Invited", "Attended"))]
    channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(steps), **stamps}
    mirrored.system.subscription.insert(CHANNEL, [channel])
    program = {"id": 7, "name": "Spring", "type": "Event", "channel": "Webinar", "workspace": "Default", **stamps}
    mirrored.system.subscription.insert(PROGRAM, [program])
    return 7


def test_a_populated_subscription_is_mirrored_value_for_value(mirrored: Mirrored) -> None:
    system = mirrored.system
    populate(system.subscription, 600, seed=3, until=system.clock(), months=3)
    system.sandbox.limits.calls = 10_000
    types = [
        row["activityTypeId"] for row in system.subscription.rows('select distinct "activityTypeId" from activity')
    ]
    for _ in range(2):
        done = mirrored.cycle(system.connect(activity_types=tuple(types)))
        assert (done.status, done.message) == (SUCCEEDED, "")
    assert mirrored.differences(("person", "activity", "program", "program_member", "sales_person")) == []
    interest = catalog.by_name("productInterest_c", catalog.objects("marketo", ["productInterest_c"]))
    assert runs.sync(mirrored.source(), [interest]).status == SUCCEEDED
    assert differences(system, mirrored.lake, interest) == []
    # Companies are known by their people, as no CRM is here to name the others.
    assert all(said.startswith("not mirrored") for said in mirrored.differences(("company",)))
    assert mirrored.rows("select count(*) > 50 from lake.marketo.company") == [(True,)]


def test_persons_created_edited_merged_deleted_and_made_again_are_followed(mirrored: Mirrored) -> None:
    system = mirrored.system
    ann, bob, cy, dee = system.create("ann@x.example", "bob@x.example", "cy@x.example", "dee@x.example")
    mirrored.follow()
    system.update(ann, lastName="Neu", leadScore=5)
    system.update(cy, firstName="Last", email="cy2@x.example")
    mirrored.follow()
    system.clock.pass_seconds(10)
    writes.merge(system.marketo.calls, ann, [bob])
    system.delete(cy)
    (again,) = system.create("cy2@x.example", firstName="New")
    mirrored.follow()
    mirrored.follow()
    assert mirrored.differences(("person",)) == []
    gone = "select id, email, firstName, isDeleted, mergedInto from lake.marketo.person where _deleted_at is not null"
    assert mirrored.rows(f"{gone} order by id") == [
        (bob, "bob@x.example", None, True, ann),
        (cy, "cy2@x.example", "Last", True, None),
    ]
    told = mirrored.rows("select id, _change from lake.marketo.person_changes order by _detected_at, id, _change")
    assert [one for one in told if one[0] in (bob, cy, again)] == [
        (bob, "insert"), (cy, "insert"), (cy, "update"), (bob, "merge"), (cy, "delete"), (again, "insert"),
    ]  # fmt: skip
    assert (dee, "update") not in told


def test_a_person_made_and_deleted_between_two_cycles_leaves_a_trace(mirrored: Mirrored) -> None:
    mirrored.follow()
    (ann,) = mirrored.system.create("ann@x.example")
    mirrored.system.delete(ann)
    mirrored.follow()
    assert mirrored.rows("select id, email, isDeleted from lake.marketo.person") == [(ann, None, True)]
    assert mirrored.rows("select id, _change from lake.marketo.person_changes") == [(ann, "delete")]


def test_a_quiet_cycle_costs_four_calls_and_changes_nothing(mirrored: Mirrored, webinar: int) -> None:
    (ann,) = mirrored.system.create("ann@x.example")
    writes.set_status(mirrored.system.marketo.calls, webinar, "Invited", [ann])
    mirrored.follow()
    mirrored.system.clock.pass_seconds(600)
    mirrored.follow()
    mirrored.system.clock.pass_seconds(600)
    before = mirrored.system.calls_made()
    quiet = mirrored.follow()
    assert mirrored.system.calls_made() - before == quiet.counts().calls == 4
    assert (quiet.counts().read, quiet.counts().changed) == (0, 0)


def test_a_thousand_changed_persons_cost_four_calls_more(mirrored: Mirrored) -> None:
    """300 ids a call; their activities are pages of 300 too."""
    ids = mirrored.system.create(*(f"p{n}@x.example" for n in range(1_000)))
    mirrored.follow()
    mirrored.system.clock.pass_seconds(900)
    mirrored.follow()
    assert len(ids) == 1_000
    system = mirrored.system
    system.upsert("person", *({"email": f"p{n}@x.example", "city": "Ulm"} for n in range(1_000)), key="email")
    before = system.calls_made()
    done = mirrored.follow()
    assert done.counts().updated == 1_000
    assert system.calls_made() - before == 4 + 3 + 4, "feed, its further pages, persons by id"
    assert mirrored.differences(("person", "activity")) == []


def test_memberships_are_followed_to_their_end(mirrored: Mirrored, webinar: int) -> None:
    system, calls = mirrored.system, mirrored.system.marketo.calls
    ann, bob = system.create("ann@x.example", "bob@x.example")
    writes.set_status(calls, webinar, "Invited", [ann])
    mirrored.follow()
    assert mirrored.rows("select membershipId, statusName from lake.marketo.program_member") == [
        (f"7-{ann}", "Invited")
    ]
    system.clock.pass_seconds(60)
    writes.set_status(calls, webinar, "Attended", [ann, bob])
    mirrored.follow()
    assert mirrored.differences(("program_member", "program")) == []
    system.clock.pass_seconds(60)
    writes.remove_members(calls, webinar, [bob])
    mirrored.follow()
    runs.compare_ids(mirrored.source(), [declared("program_member")])
    assert mirrored.differences(("program_member",)) == []
    gone = "select membershipId, isDeleted from lake.marketo.program_member where _deleted_at is not null"
    assert mirrored.rows(gone) == [(f"7-{bob}", True)]


def test_what_nobody_lists_is_read_by_the_keys_that_persons_and_activities_name(mirrored: Mirrored) -> None:
    system = mirrored.system
    mirrored.follow()
    system.upsert("sales_person", {"externalSalesPersonId": "005A", "email": "sam@x.example"})
    system.upsert("company", {"externalCompanyId": "001A", "company": "Acme"})
    (ann,) = system.create("ann@x.example", externalCompanyId="001A", externalSalesPersonId="005A")
    system.upsert("opportunity", {"externalOpportunityId": "006A", "name": "Deal", "amount": 1604.47})
    system.upsert("opportunity_role", {"externalOpportunityId": "006A", "leadId": ann, "role": "Buyer"})
    mirrored.follow()
    assert mirrored.differences() == []
    system.clock.pass_seconds(600)
    mirrored.follow()
    before = system.calls_made()
    system.upsert("company", {"externalCompanyId": "001A", "company": "Acme & Sons"})
    done = mirrored.follow()
    assert {d.obj.name: d.counts.updated for d in done.done if d.counts.updated} == {"person": 1, "company": 1}
    assert system.calls_made() - before == 1 + 4 + 1 + 2, "the write, the feed, the person, its company and its owner"
    assert mirrored.differences() == []


def test_an_account_of_the_crm_names_a_company_that_has_no_people(mirrored: Mirrored) -> None:
    with mirrored.lake.transaction() as con:
        con.execute("create schema if not exists lake.salesforce")
        con.execute("create or replace table lake.salesforce.account (Id varchar, _synced_at timestamptz)")
        con.execute(
            "insert into lake.salesforce.account values ('001A', ?), ('001B', ?)", [mirrored.system.clock()] * 2
        )
    mirrored.system.upsert("company", {"externalCompanyId": "001A", "company": "Acme"})
    try:
        mirrored.follow()
        assert mirrored.rows("select externalCompanyId, company from lake.marketo.company") == [("001A", "Acme")]
    finally:
        with mirrored.lake.transaction() as con:
            con.execute("drop table lake.salesforce.account")


def test_a_company_that_is_gone_is_found_by_a_comparison(mirrored: Mirrored) -> None:
    system = mirrored.system
    system.upsert(
        "company", {"externalCompanyId": "001A", "company": "A"}, {"externalCompanyId": "001B", "company": "B"}
    )
    people = system.create("a@x.example", externalCompanyId="001A") + system.create(
        "b@x.example", externalCompanyId="001B"
    )
    mirrored.follow()
    system.delete(people[1])
    system.marketo.calls.post("/rest/v1/companies/delete.json", {"input": [{"externalCompanyId": "001B"}]})
    mirrored.follow()
    done = runs.compare_ids(mirrored.source(), OBJECTS)
    assert (done.status, done.message) == (SUCCEEDED, "")
    assert mirrored.differences(("person", "company")) == []
    assert mirrored.rows("select company from lake.marketo.company where _deleted_at is not null") == [("B",)]


def test_a_first_load_goes_on_over_days_and_says_so(mirrored: Mirrored) -> None:
    system = mirrored.system
    system.create("a@x.example")
    system.clock.pass_seconds(40 * 86_400)
    system.create("b@x.example")
    system.sandbox.extracts.daily_bytes = 0
    late = mirrored.cycle()
    assert late.status == FAILED
    assert "person: EXPORT_QUOTA: 0 of 4 parts are read and kept; the day's quota of exports is used up" in late.message
    assert [d.obj.name for d in late.done if d.status == FAILED] == ["person", "activity"], "the others went on"
    system.clock.pass_seconds(86_400)
    system.sandbox.extracts.daily_bytes = 500_000_000
    mirrored.follow()
    assert mirrored.differences(("person", "activity")) == []


def test_what_changed_while_a_first_load_took_days_is_not_lost(mirrored: Mirrored) -> None:
    system = mirrored.system
    ann, bob = system.create("a@x.example", "b@x.example")
    system.sandbox.faults.add("error", code="1029", message="Export daily quota exceeded", skip=2, times=1,
                              path="/bulk/v1/leads/export/create.json")  # fmt: skip
    mirrored.cycle()
    system.clock.pass_seconds(86_400)
    system.update(ann, lastName="Changed")
    system.delete(bob)
    mirrored.follow()
    mirrored.follow()
    assert mirrored.differences(("person",)) == []


def test_a_month_is_read_again_and_repaired(mirrored: Mirrored) -> None:
    system = mirrored.system
    ann, _ = system.create("a@x.example", "b@x.example")
    mirrored.follow()
    with mirrored.lake.transaction() as con:
        con.execute("update lake.marketo.person set email = 'broken' where id = ?", [ann])
    month = system.clock().date().replace(day=1)
    done = runs.backfill(mirrored.source(), OBJECTS, month, month, from_beginning=False)
    assert (done.status, done.message) == (SUCCEEDED, "")
    assert mirrored.differences(("person", "activity")) == []


def test_activities_that_marketo_has_forgotten_stay(mirrored: Mirrored) -> None:
    mirrored.system.create("a@x.example")
    mirrored.follow()
    with mirrored.system.subscription.cursor() as cursor:
        cursor.execute("delete from activity")
    assert runs.compare_ids(mirrored.source(), [declared("activity")]).status == SUCCEEDED
    assert mirrored.rows("select count(*) from lake.marketo.activity where _deleted_at is null") == [(1,)]


def test_what_marketo_shows_late_is_read_by_the_overlap(mirrored: Mirrored) -> None:
    """GEN-17."""
    mirrored.follow()
    mirrored.system.sandbox.faults.add("late", seconds=30)
    (ann,) = mirrored.system.create("ann@x.example")
    mirrored.system.clock.pass_seconds(5)
    assert mirrored.follow().counts().read == 0
    mirrored.system.clock.pass_seconds(60)
    mirrored.follow()
    assert mirrored.rows("select id from lake.marketo.person") == [(ann,)]


def test_a_missing_permission_concerns_its_object_alone(mirrored: Mirrored) -> None:
    mirrored.system.create("a@x.example")
    mirrored.system.sandbox.faults.add(
        "error", code="603", message="Access denied", path="/rest/v1/companies*", times=9
    )
    done = mirrored.cycle()
    assert [d.obj.name for d in done.done if d.error] == ["company"]
    assert mirrored.differences(("person",)) == []


def test_a_used_up_quota_stops_the_run_and_the_next_one_goes_on(mirrored: Mirrored) -> None:
    mirrored.follow()
    mirrored.system.create("a@x.example")
    mirrored.system.sandbox.faults.add("quota", calls=1)
    stopped = mirrored.cycle()
    assert stopped.status == FAILED
    assert "607" in stopped.message
    mirrored.system.clock.pass_seconds(86_400)
    mirrored.follow()
    assert mirrored.differences(("person",)) == []


def test_a_real_data_set_is_mirrored_value_for_value(mirrored: Mirrored) -> None:
    files = SHARED / "data/marketo/fivetran_dbt_marketo"
    if not files.exists():
        pytest.skip("no data set here")
    made = load(mirrored.system.subscription, files)
    marketo = mirrored.system.connect(
        first_day=mirrored.system.clock() - timedelta(days=8 * 365),
        activities=timedelta(days=8 * 365),
        activity_types=(6, 7, 8, 9, 10, 11, 29, 32),
    )
    mirrored.system.sandbox.limits.calls = 10_000
    done = mirrored.cycle(marketo)
    assert (done.status, done.message) == (SUCCEEDED, "")
    assert mirrored.differences(("person", "program", "activity")) == []
    assert mirrored.rows("select count(*) from lake.marketo.person") == [(made["lead"],)]
    assert mirrored.rows("select count(*) from lake.marketo.activity") == [(made["activity"],)]


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("expire", {"times": 2, "path": "/rest/*"}),
    ("error", {"code": "713", "message": "Transient Error", "times": 4}),
    ("error", {"code": "611", "message": "System error", "times": 40, "skip": 3}),
    ("status", {"status": 502, "times": 3}),
    ("drop", {"after_bytes": 200, "times": 2, "path": "/rest/*"}),
    ("short_page", {"rows": 2, "times": 5}),
    ("quota", {"calls": 4}),
]


# `SYNC_PIPELINE_COURSES` has more of them, as for Salesforce (docs/laws.md).
@pytest.mark.parametrize("seed", range(int(os.environ.get("SYNC_PIPELINE_COURSES", "1"))))
def test_whatever_happens_the_mirror_becomes_equal_to_the_subscription(mirrored: Mirrored, seed: int) -> None:
    """Laws 4 to 6: a course of edits, with faults in between and every cycle a process of its own."""
    chance, system = random.Random(seed), mirrored.system
    people = system.create(*(f"p{n}@x.example" for n in range(12)))
    merged: dict[int, int] = {}
    for step in range(6):
        chance.shuffle(people)
        for person in people[:3]:
            system.update(person, lastName=f"step {step}", leadScore=step)
        winner, loser, gone = people[3:6]
        writes.merge(system.marketo.calls, winner, [loser])
        merged[loser] = winner
        system.delete(gone)
        people = [one for one in people if one not in (loser, gone)]
        people += system.create(f"p{chance.randrange(12)}@new.example", f"n{step}@x.example", f"m{step}@x.example")
        people = list(dict.fromkeys(people))
        system.clock.pass_seconds(chance.choice((1, 60, 600, 5_000, 400_000)))
        kind, settings = chance.choice(FAULTS)
        system.sandbox.faults.add(kind, **settings)
        mirrored.cycle()
        system.sandbox.faults.clear()
        system.sandbox.limits.reset()
        system.sandbox.limits.daily = 50_000
    system.clock.pass_seconds(60)
    mirrored.follow()
    assert mirrored.differences(("person",)) == []
    (told,) = system.subscription.rows("select count(*) as activities from activity")
    assert mirrored.rows("select count(*) from lake.marketo.activity") == [tuple(told.values())]
    # Who was merged away before the first load was never seen. The activity of a merge moves on with its winner, so a
    # loser may be told as merged into the winner's winner.
    seen = dict(mirrored.lake.rows("select id, mergedInto from lake.marketo.person where _deleted_at is not null"))
    assert {person for person, into in seen.items() if into} == seen.keys() & merged.keys()
    assert all(last(into, merged) == last(person, merged) for person, into in seen.items() if into)
    twice = "select id, _change from lake.marketo.person_changes where _change in ('insert', 'delete', 'merge')"
    assert mirrored.rows(f"select count(*) - count(distinct (id, _change)) from ({twice})") == [(0,)]


def last(person: int, merged: dict[int, int]) -> int:
    """Return who a person is in the end."""
    return last(merged[person], merged) if person in merged else person
