"""Reading: what a window holds by the feed, by export jobs, by keys; and how exports go on over days."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest

from sync_pipeline.connectors.errors import PausedError, RejectedError, RetryableError
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.connectors.marketo import Marketo, feed, writes
from sync_pipeline.connectors.marketo.exports import LONGEST_PART, parts_by_time
from sync_pipeline.model import Window
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline_tests.marketo import Connected, declared

PERSON, ACTIVITY = declared("person"), declared("activity")
FIELDS = ("id", "email", "firstName", "unsubscribed", "createdAt", "updatedAt", "isDeleted", "mergedInto")


def values(extract: Extract, *names: str) -> list[tuple[str | None, ...]]:
    """Return the extracted values of these fields, in order; empty where no page came."""
    batches = [batch for page in extract.pages() for batch in page.read()]
    return sorted(tuple(row[n] for n in names) for batch in batches for row in batch.to_pylist())


def everything(system: Connected, marketo: Marketo | None = None) -> Extract:
    return (marketo or system.marketo).extract(PERSON, FIELDS, Window(None, system.clock() + timedelta(seconds=1)))


def since(system: Connected, seconds: float) -> Window:
    """Return a window that began so long ago, of a run that begins now."""
    system.marketo.begin()
    return Window(system.clock() - timedelta(seconds=seconds), system.clock() + timedelta(seconds=1))


def test_a_first_load_brings_text_and_null_where_there_is_nothing(system: Connected) -> None:
    system.create("ann@x.example", firstName='a "b",\nü', unsubscribed=True)
    system.create("NA@x.example", firstName="NA")
    system.create("nil@x.example")
    found = everything(system)
    assert values(found, "email", "firstName", "unsubscribed", "isDeleted", "mergedInto") == [
        ("NA@x.example", "NA", "false", "false", None),
        ("ann@x.example", 'a "b",\nü', "true", "false", None),
        ("nil@x.example", None, "false", "false", None),
    ]
    batches = [batch for page in found.pages() for batch in page.read()]
    assert {kind for batch in batches for kind in batch.schema.types} == {pa.string()}
    assert all(tuple(batch.schema.names) == FIELDS for batch in batches)


def test_the_feed_brings_the_same_values_as_an_export(system: Connected) -> None:
    """MK-REST-8."""
    system.create("ann@x.example", firstName="Änn", unsubscribed=True)
    system.create("bob@x.example")
    by_feed = system.marketo.extract(PERSON, FIELDS, since(system, 60))
    assert values(by_feed, *FIELDS) == values(everything(system), *FIELDS)


def test_activities_come_alike_by_feed_and_by_export(system: Connected) -> None:
    (ann,) = system.create("ann@x.example")
    system.update(ann, lastName="Neu")
    fields = tuple(field.name for field in system.marketo.describe("activity").fields)
    alike = [name for name in fields if name != "attributes"]
    by_feed = system.marketo.extract(ACTIVITY, fields, since(system, 60))
    by_export = system.marketo.extract(ACTIVITY, fields, Window(None, system.clock() + timedelta(seconds=1)))
    assert values(by_feed, *alike) == values(by_export, *alike)
    assert len(values(by_feed, "marketoGUID")) == 2, "a new person, and a change"


def test_parts_cover_a_span_without_gap_and_none_is_longer_than_a_job_may_be() -> None:
    """MK-REST-18."""
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 5, 17, 10, 0, 0, 500_000, tzinfo=UTC)
    bounds = [part.filter["createdAt"] for part in parts_by_time("createdAt", start, end)]
    times = [tuple(datetime.fromisoformat(part[name]) for name in ("startAt", "endAt")) for part in bounds]
    assert times[0][0] == start
    assert times[-1][1] == end.replace(microsecond=0)
    assert all(until - begin < LONGEST_PART for begin, until in times)
    assert all(after[0] - before[1] == timedelta(seconds=1) for before, after in pairwise(times))
    assert parts_by_time("createdAt", start, start) == []


def test_deleted_and_merged_persons_are_told_apart(system: Connected) -> None:
    winner, loser, gone = system.create("a@x.example", "b@x.example", "c@x.example")
    writes.merge(system.marketo.calls, winner, [loser])
    system.delete(gone)
    found = system.marketo.extract(PERSON, FIELDS, since(system, 60))
    assert values(found, "id", "isDeleted", "mergedInto") == [
        (str(winner), "false", None),
        (str(loser), "true", str(winner)),
        (str(gone), "true", None),
    ]


def test_a_merge_is_none_the_less_a_merge_where_the_loser_is_told_as_deleted_too() -> None:
    merge = {"activityTypeId": 32, "leadId": 1, "activityDate": "d", "attributes": '{"Merge IDs": "[2, 1]"}'}
    delete = {"activityTypeId": 37, "leadId": 2, "activityDate": "d", "attributes": "{}"}
    for order in ([merge, delete], [delete, merge]):
        assert feed.fates(order) == {2: feed.Fate("d", 1)}


def test_a_window_long_ago_is_read_by_export_and_still_tells_who_is_gone(system: Connected) -> None:
    kept, gone = system.create("a@x.example", "b@x.example")
    system.clock.pass_seconds(8 * 86_400)
    system.delete(gone)
    found = system.marketo.extract(PERSON, FIELDS, since(system, 9 * 86_400))
    assert values(found, "id", "isDeleted") == [(str(kept), "false"), (str(gone), "true")]
    assert system.sandbox.log.count("/bulk/v1/leads/export/create.json") == 2, (
        "one to see whether the filter is offered"
    )


def test_where_times_of_change_cannot_be_asked_for_all_is_read(system: Connected) -> None:
    """1035: the filter is not there for every subscription."""
    system.sandbox.extracts.by_updated_at = False
    ids = system.create("a@x.example")
    system.clock.pass_seconds(60 * 86_400)
    ids += system.create("b@x.example")
    found = system.marketo.extract(PERSON, FIELDS, since(system, 5 * 86_400))
    assert values(found, "id") == [(str(one),) for one in ids]


def test_an_export_whose_quota_ends_pauses_says_so_and_goes_on_where_it_was(system: Connected) -> None:
    ids = system.create("a@x.example")
    system.clock.pass_seconds(40 * 86_400)
    ids += system.create("b@x.example")
    extract = everything(system)
    pages = list(extract.pages())
    first = [batch for page in pages[:1] for batch in page.read()]
    system.sandbox.extracts.daily_bytes = 0
    with pytest.raises(PausedError, match=r"^EXPORT_QUOTA: 1 of 5 parts are read.*in about 4 days") as paused:
        list(pages[1].read())
    assert "goes on after 2026-06-27 06:00 UTC" in paused.value.message
    system.clock.pass_seconds(86_400)
    system.sandbox.extracts.daily_bytes = 500_000_000
    later = system.connect().resume(PERSON, FIELDS, extract.token)
    assert later is not None
    again = list(later.pages())
    assert [page.name for page in again] == [page.name for page in pages]
    rest = [batch for page in again[1:] for batch in page.read()]
    assert sorted(row["id"] for batch in first + rest for row in batch.to_pylist()) == [str(one) for one in ids]


def test_a_file_that_breaks_off_is_read_again_without_another_job(system: Connected) -> None:
    system.create(*(f"p{n}@x.example" for n in range(50)))
    page = next(iter(everything(system, system.connect(first_day=system.clock() - timedelta(days=5))).pages()))
    system.sandbox.faults.add("drop", after_bytes=400, times=1, path="/bulk/v1/leads/export/*/file.json")
    with pytest.raises(RetryableError):
        list(page.read())
    assert sum(batch.num_rows for batch in page.read()) == 50
    assert system.sandbox.log.count("/bulk/v1/leads/export/create.json") == 1


def test_a_job_that_fails_is_begun_again_and_one_that_is_slow_waited_for(system: Connected) -> None:
    system.create("a@x.example")
    page = next(iter(everything(system, system.connect(first_day=system.clock() - timedelta(days=5))).pages()))
    system.sandbox.faults.add("fail_job", message="Export failed", times=1)
    with pytest.raises(RetryableError, match="Export failed"):
        list(page.read())
    system.sandbox.faults.add("slow_job", seconds=0.2, times=1)
    assert sum(batch.num_rows for batch in page.read()) == 1


def test_a_part_without_records_is_no_file(system: Connected) -> None:
    assert values(everything(system), "id") == []
    assert system.sandbox.log.count("*/file.json") == 0


def test_a_feed_with_short_pages_is_read_to_its_end(system: Connected) -> None:
    """MK-REST-8."""
    ids = system.create(*(f"p{n}@x.example" for n in range(7)))
    system.sandbox.faults.add("short_page", rows=2, times=100)
    found = system.marketo.extract(PERSON, FIELDS, since(system, 60))
    assert values(found, "id") == sorted((str(one),) for one in ids)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_feed_that_failed_for_one_object_is_read_for_the_next(system: Connected, failing: int) -> None:
    """Its calls: token, activities, deletions, in the order of a feed's beginning."""
    ids = system.create("a@x.example", "b@x.example")
    system.delete(ids[0])
    window = since(system, 60)
    system.sandbox.faults.add("error", code="1099", message="Odd", skip=failing, times=1, path="/rest/v1/activities*")
    with pytest.raises(RejectedError, match="1099"):
        system.marketo.extract(ACTIVITY, ("marketoGUID",), window)
    found = system.marketo.extract(PERSON, FIELDS, window)
    assert values(found, "id", "isDeleted") == [(str(ids[0]), "true"), (str(ids[1]), "false")]
    assert len(values(system.marketo.extract(ACTIVITY, ("marketoGUID",), window), "marketoGUID")) == 3


def test_records_are_found_by_key_and_long_queries_travel_as_posts(system: Connected) -> None:
    """MK-REST-5: 414 above 8 KB."""
    ids = system.create(*(f"somebody-with-a-long-address-{n:04d}@example.example" for n in range(400)))
    found = system.marketo.extract_ids(PERSON, FIELDS, [str(one) for one in ids] + ["99999"])
    assert len(values(found, "id")) == 400
    emails = [f"somebody-with-a-long-address-{n:04d}@example.example" for n in range(300)]
    assert len(values(system.marketo.extract_ids(PERSON, FIELDS, emails, by="email"), "id")) == 300
    log = system.sandbox.log
    assert (log.count("/rest/v1/leads.json", "GET"), log.count("/rest/v1/leads.json", "POST")) == (2, 2 + 1)


def test_a_value_with_a_comma_is_never_sent_as_one_of_a_list(system: Connected) -> None:
    """MK-REST-5: Marketo would split it, and answer about another person."""
    system.create("ada@x.example")
    both = "nobody@x.example,ada@x.example"
    with pytest.raises(RejectedError, match="VALUE_WITH_COMMA"):
        system.marketo.persons("email", both, ["id", "email"])
    with pytest.raises(RejectedError, match="VALUE_WITH_COMMA"):
        values(system.marketo.extract_ids(PERSON, FIELDS, ["1,2"]), "id")
    assert values(system.marketo.extract_ids(PERSON, FIELDS, [both, "ada@x.example"], by="email"), "email") == [
        ("ada@x.example",)
    ]
    assert values(system.marketo.extract_ids(PERSON, FIELDS, [both], by="email"), "email") == []


def test_a_field_that_is_not_there_is_refused_by_name(system: Connected) -> None:
    system.create("a@x.example")
    with pytest.raises(RejectedError, match=r"1006.*shoeSize"):
        values(system.marketo.extract(PERSON, (*FIELDS, "shoeSize"), since(system, 60)), "id")


def test_costs_come_of_the_programs_that_are_priced_alone(system: Connected) -> None:
    """SF-CAMP-19: a list of costs, of which the CRM takes the sum; a call each, and none where costs are not wanted."""
    at = system.subscription.present()
    two = json.dumps([{"startDate": "2026-01-01", "cost": 200}, {"startDate": "2026-02-01", "cost": 50}])
    made = [
        {"id": 1001 + n, "name": f"P{n}", "costs": some, "createdAt": at, "updatedAt": at}
        for n, some in enumerate((two, None, two))
    ]
    system.subscription.insert(PROGRAM, made)
    asked = system.connect(priced=frozenset({1001, 1002}))
    fields = ("id", "costs", "periodCost")
    whole = [("1001", two, "250"), ("1002", None, None), ("1003", None, None)]
    program, window = declared("program"), Window(None, system.clock())
    assert values(asked.extract(program, fields, window), *fields) == whole
    assert values(asked.extract_ids(program, fields, ["1001", "1003"]), *fields) == [whole[0], whole[2]]
    made_before = system.calls_made()
    assert len(values(asked.extract_alive(program, ("id", "updatedAt")), "id")) == 3
    assert system.calls_made() == made_before + 2


def test_after_a_merge_the_memberships_of_all_who_became_one_are_read_again(system: Connected) -> None:
    """MERGE-10: no activity tells what a merge hands over; who was merged twice is looked for where it ended."""
    at = system.subscription.present()
    steps = json.dumps(
        [{"name": name, "step": step, "success": False} for step, name in enumerate(("Invited", "Came"))]
    )
    channel = {"id": 1, "name": "Fair", "statuses": steps, "createdAt": at, "updatedAt": at}
    system.subscription.insert(CHANNEL, [channel])
    program = {"id": 1001, "name": "P", "channel": "Fair", "createdAt": at, "updatedAt": at}
    system.subscription.insert(PROGRAM, [program])
    ann, bob, cleo = system.create("a@x.example", "b@x.example", "c@x.example")
    for lead, status in ((ann, "Came"), (cleo, "Invited")):
        writes.set_status(system.marketo.calls, 1001, status, [lead])
    system.clock.pass_seconds(300)
    for winner, loser in ((bob, ann), (cleo, bob)):
        writes.merge(system.marketo.calls, winner, [loser])
    names = ("membershipId", "statusName", "isDeleted")
    found = values(system.marketo.extract(declared("program_member"), names, since(system, 60)), *names)
    gone = [(f"1001-{lead}", None, "true") for lead in (ann, bob)]
    assert found == [*gone, (f"1001-{cleo}", "Came", "false")]


def test_an_object_without_a_feed_says_how_it_is_read(system: Connected) -> None:
    with pytest.raises(RejectedError, match="read by known keys"):
        system.marketo.extract(declared("company"), ("id",), since(system, 60))


def test_describe_tells_fields_by_their_rest_names(system: Connected) -> None:
    """FIELD-23."""
    described = system.marketo.describe("lead")
    assert {"id", "email", "isDeleted", "mergedInto", "leadScore"} <= described.names
    email, number = described.field("email"), described.field("id")
    assert email is not None
    assert number is not None
    assert (email.type, email.length, email.updateable) == ("email", 255, True)
    assert (number.type, number.updateable) == ("integer", False)
    for obj in ("company", "opportunity", "opportunity_role", "sales_person", "program_member", "program", "activity"):
        one = declared(obj)
        assert {one.key, one.stamp} <= system.marketo.describe(one.source).names
    with pytest.raises(RejectedError):
        system.marketo.describe("nothing_c")


def test_activity_types_that_mean_something_else_stop_the_reading(
    system: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By these changes are found: SPEC 28.3 wants their ids read by name."""
    system.marketo.describe("activity")
    monkeypatch.setitem(feed.NAMES, 22, "Change Weather")
    with pytest.raises(RejectedError, match="22 is 'Change Score', not 'Change Weather'"):
        system.marketo.describe("activity")


def test_what_is_no_token_is_not_resumed(system: Connected) -> None:
    assert system.marketo.resume(PERSON, FIELDS, "") is None
