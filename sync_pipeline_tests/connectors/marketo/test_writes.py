"""Writing every kind of record: in the order that owner mode needs, in calls that Marketo takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.catalog.activity_types import activity_types as activity_types_named
from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.marketo import activity_types, imports, writes
from sync_pipeline.connectors.marketo.writes import Activity
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.writes import left_out
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM, STATIC_LIST
from sync_pipeline_tests.marketo import Connected, declared

PERSON = declared("person")


def rows(system: Connected, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in system.subscription.rows(sql)]


def test_what_owner_mode_writes_goes_through_in_its_order(system: Connected) -> None:
    """MK-REST-2, MK-REST-3: sales persons, companies, persons, opportunities, roles."""
    system.upsert("sales_person", {"externalSalesPersonId": "005A", "email": "sam@x.example"})
    system.upsert("company", {"externalCompanyId": "001A", "company": "Acme"})
    (person,) = system.create("ann@x.example", externalCompanyId="001A", externalSalesPersonId="005A")
    system.upsert("opportunity", {"externalOpportunityId": "006A", "name": "Deal", "externalSalesPersonId": "005A"})
    role = {"externalOpportunityId": "006A", "leadId": person, "role": "Buyer"}
    (answer,) = system.upsert("opportunity_role", role)
    assert rows(system, 'select "leadId", role, "marketoGUID" from "opportunityRole"') == [(person, "Buyer", answer.id)]
    (changed,) = system.upsert("company", {"externalCompanyId": "001A", "company": "Acme & Sons"})
    assert changed.created is False
    gone = system.marketo.write(
        declared("opportunity_role"), Operation.DELETE, [Record(str(answer.id), {})], "marketoGUID"
    )
    assert [one.verdict for one in gone] == [Verdict.ACCEPTED]
    assert rows(system, 'select count(*) as n from "opportunityRole"') == [(0,)]


def test_seven_hundred_persons_are_three_calls_and_their_answers_are_in_order(system: Connected) -> None:
    """MK-REST-4."""
    emails = [f"p{n:03d}@x.example" for n in range(700)]
    ids = system.create(*emails)
    assert system.sandbox.log.count("/rest/v1/leads.json") == 3
    assert rows(system, "select id, email from lead order by id") == sorted(zip(ids, emails, strict=True))


def test_a_key_that_comes_twice_goes_in_two_calls_and_the_later_values_stay(system: Connected) -> None:
    """1036 would refuse both (DEDUP-6)."""
    first, again = system.upsert(
        "company",
        {"externalCompanyId": "001A", "company": "Old"},
        {"externalCompanyId": "001a", "company": "New"},
    )
    assert (first.id, first.created, again.created) == (again.id, True, False)
    assert rows(system, "select company from company") == [("New",)]
    assert system.sandbox.log.count("/rest/v1/companies.json") == 2


def test_a_body_stays_below_a_megabyte(system: Connected) -> None:
    """MK-REST-17."""
    notes = "x" * 29_000
    ids = system.create(*(f"p{n}@x.example" for n in range(80)), mktoPersonNotes=notes)
    assert len(set(ids)) == 80
    assert system.sandbox.log.count("/rest/v1/leads.json") == 3
    sizes = [len(json.dumps(some)) for some in writes.batches([{"n": "é" * 100_000}] * 3, lambda _: None)]
    assert len(sizes) == 3, "escaped, a letter may take six bytes"


def test_a_person_is_updated_by_id_and_created_only_where_nobody_is(system: Connected) -> None:
    """MK-REST-4."""
    (person,) = system.create("ann@x.example")
    assert system.update(person, lastName="Neu") == Answer(Verdict.ACCEPTED, str(person))
    assert system.update(999, lastName="Neu").code == "1004"
    (exists,) = system.marketo.write(PERSON, Operation.CREATE, [Record(None, {"email": "ann@x.example"})])
    assert (exists.verdict, exists.code) == (Verdict.REJECTED, "1005")


def test_several_persons_who_match_are_never_chosen_from(system: Connected) -> None:
    """1007 (DEDUP-4)."""
    for _ in range(2):
        system.marketo.calls.post(
            "/rest/v1/leads.json", {"action": "createDuplicate", "input": [{"email": "twin@x.example"}]}
        )
    (refused,) = system.marketo.write(PERSON, Operation.UPSERT, [Record(None, {"email": "twin@x.example"})])
    assert (refused.verdict, refused.code) == (Verdict.REJECTED, "1007")


def test_persons_are_merged_and_deleted(system: Connected) -> None:
    """MK-REST-6."""
    winner, loser, gone = system.create("a@x.example", "b@x.example", "c@x.example")
    assert writes.merge(system.marketo.calls, winner, [loser]).verdict is Verdict.ACCEPTED
    assert writes.merge(system.marketo.calls, winner, [loser]).code == "1004"
    again = "one that is not there is what was asked for"
    assert [answer.verdict for answer in system.delete(gone, gone)] == [Verdict.ACCEPTED] * 2, again
    assert rows(system, "select id from lead") == [(winner,)]


def test_values_go_over_to_the_winner_before_a_merge_so_that_a_sum_counts_once_however_it_ends(
    system: Connected,
) -> None:
    """MERGE-4, SF-PACCT-6: Marketo refuses the merge of a person account (712), and everybody stays."""
    winner, loser = system.create("a@x.example", "b@x.example", leadScore=10)
    merge = [Record(str(loser), {"leadScore": 20}, str(winner))]
    system.sandbox.faults.add("error", code="712", message="Cannot perform operation", path="*/merge.json")
    (refused,) = system.marketo.write(PERSON, Operation.MERGE, merge)
    assert (refused.verdict, refused.code) == (Verdict.REJECTED, "712")
    scores = 'select id, "leadScore" from lead order by id'
    assert rows(system, scores) == [(winner, 20), (loser, None)]
    assert system.marketo.write(PERSON, Operation.MERGE, merge)[0].verdict is Verdict.ACCEPTED
    assert rows(system, scores) == [(winner, 20)]


def test_an_opt_out_goes_over_to_the_winner_of_a_merge_and_stays_with_the_loser_until_then(system: Connected) -> None:
    """Law 13: a merge that Marketo refuses takes nothing away."""
    winner, loser = system.create("a@x.example", "b@x.example", doNotCall=False)
    merge = [Record(str(loser), {"doNotCall": True, "leadScore": 20}, str(winner))]
    system.marketo.write(PERSON, Operation.UPDATE, [Record(str(loser), {"doNotCall": True})])
    system.sandbox.faults.add("error", code="712", message="Cannot perform operation", path="*/merge.json")
    assert system.marketo.write(PERSON, Operation.MERGE, merge)[0].verdict is Verdict.REJECTED
    said = 'select id, "doNotCall", "leadScore" from lead order by id'
    assert rows(system, said) == [(winner, True, 20), (loser, True, None)]
    only = [Record(str(loser), {"doNotCall": True}, str(winner))]
    assert system.marketo.write(PERSON, Operation.MERGE, only)[0].verdict is Verdict.ACCEPTED
    assert rows(system, said) == [(winner, True, 20)]


@pytest.fixture
def webinar(system: Connected) -> int:
    now = system.subscription.present()
    stamps = {"createdAt": now, "updatedAt": now}
    steps = [{"name": n, "step": i, "success": False} for i, n in enumerate(("Invited", "Registered", "Attended"))]
    channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(steps), **stamps}
    system.subscription.insert(CHANNEL, [channel])
    system.subscription.insert(PROGRAM, [{"id": 7, "name": "Spring", "type": "Event", "channel": "Webinar", **stamps}])
    return 7


def test_members_move_forward_only(system: Connected, webinar: int) -> None:
    """MK-REST-15, SF-CAMP-8."""
    ann, bob = system.create("ann@x.example", "bob@x.example")
    calls = system.marketo.calls
    assert [a.id for a in writes.set_status(calls, webinar, "Registered", [ann, bob])] == [str(ann), str(bob)]
    back = writes.set_status(calls, webinar, "Invited", [ann, 999])
    assert [answer.code for answer in back] == ["1037", "1004"]
    (written,) = writes.set_member_data(calls, webinar, {ann: {"registrationCode": "R-1"}})
    assert written.verdict is Verdict.ACCEPTED
    assert rows(system, 'select "registrationCode" from "programMember" order by "leadId"') == [("R-1",), (None,)]
    assert writes.remove_members(calls, webinar, [bob])[0].verdict is Verdict.ACCEPTED
    assert rows(system, 'select "leadId" from "programMember"') == [(ann,)]


def test_a_membership_is_a_record_with_a_key_of_our_own(system: Connected, webinar: int) -> None:
    """SF-CAMP-4 and 8: who is past a status is accepted as he is; a membership of nobody is refused alone."""
    ann, bob = system.create("ann@x.example", "bob@x.example")
    member, write = declared("program_member"), system.marketo.write
    new: list[dict[str, Value]] = [
        {"programId": webinar, "leadId": ann, "statusName": "Attended", "registrationCode": "R-1"},
        {"programId": webinar, "leadId": 999, "statusName": "Attended"},
        {"programId": webinar, "leadId": bob, "statusName": "Invited"},
        {"programId": webinar, "leadId": bob},
    ]
    told = write(member, Operation.UPSERT, [Record(None, values) for values in new], "programId")
    assert [(a.verdict, a.id, a.created, a.code) for a in told] == [
        (Verdict.ACCEPTED, f"{webinar}-{ann}", True, ""),
        (Verdict.REJECTED, f"{webinar}-999", False, "1004"),
        (Verdict.ACCEPTED, f"{webinar}-{bob}", True, ""),
        (Verdict.REJECTED, None, False, "NOTHING_TO_WRITE"),
    ]
    moves = [
        Record(f"{webinar}-{ann}", {"statusName": "Invited"}),
        Record(f"{webinar}-{bob}", {"statusName": "Attended"}),
    ]
    assert [(a.verdict, a.code) for a in write(member, Operation.UPDATE, moves)] == [
        (Verdict.ACCEPTED, "1037"),
        (Verdict.ACCEPTED, ""),
    ]
    kept = rows(system, 'select "statusName", "registrationCode" from "programMember" order by "leadId"')
    assert kept == [("Attended", "R-1"), ("Attended", None)]
    assert write(member, Operation.DELETE, [Record(f"{webinar}-{bob}", {})])[0].verdict is Verdict.ACCEPTED
    assert rows(system, 'select "leadId" from "programMember"') == [(ann,)]


# By kind of record: a write of it, without the two fields of which one is to be refused.
REFUSABLE: dict[str, tuple[str, dict[str, Value], dict[str, Value]]] = {
    "person": ("externalPersonId", {"externalPersonId": "003A", "phone": "1"}, {"import_from": 2}),
    "person by import": ("externalPersonId", {"externalPersonId": "003A", "phone": "1"}, {"import_from": 1}),
    "company": ("externalCompanyId", {"externalCompanyId": "001A", "company": "Acme"}, {}),
    "opportunity": ("externalOpportunityId", {"externalOpportunityId": "006A", "name": "Deal"}, {}),
    "sales_person": ("externalSalesPersonId", {"externalSalesPersonId": "005A", "email": "s@x.example"}, {}),
    "program_member": ("programId", {"programId": 7, "leadId": 1, "statusName": "Registered"}, {}),
}


@pytest.mark.parametrize("kind", REFUSABLE)
@pytest.mark.parametrize(
    ("bad", "other"),
    [({"big": 3_000_000_000}, {"note": "3e9"}), ({"note": "too long"}, {"big": 3})],
    ids=["1001", "1003"],
)
def test_a_refusal_names_the_fields_it_is_about_and_without_them_the_record_is_taken(
    system: Connected, webinar: int, kind: str, bad: dict[str, Value], other: dict[str, Value]
) -> None:
    """MK-REST-22: 1001 names no field, but repeats the value; as the writers' contract has it, for every kind."""
    system.create("ann@x.example")
    name = kind.partition(" ")[0]
    obj, (key, own, reach) = declared(name), REFUSABLE[kind]
    fields = [Field("big", "Big", "integer"), Field("note", "Note", "textarea", length=5)]
    system.subscription.add_fields(obj.source, fields)
    marketo = system.connect(None, poll_seconds=0.1, **reach)
    values: dict[str, Value] = {**own, **other, **bad}
    (answer,) = marketo.write(obj, Operation.UPSERT, [Record(None, values)], key)
    assert left_out(values, answer, own).keys() == bad.keys()
    rest = {one: value for one, value in values.items() if one not in bad}
    (again,) = marketo.write(obj, Operation.UPSERT, [Record(None, rest)], key)
    assert again.verdict is Verdict.ACCEPTED
    found = system.subscription.rows(f'from "{obj.source}"')[-1]
    assert {one: found[one] for one in ("big", "note")} == {**dict.fromkeys(bad), **other}


def test_persons_are_put_on_lists_and_taken_off(system: Connected) -> None:
    now = system.subscription.present()
    system.subscription.insert(STATIC_LIST, [{"id": 5, "name": "L", "createdAt": now, "updatedAt": now}])
    ann, bob = system.create("ann@x.example", "bob@x.example")
    calls = system.marketo.calls
    assert [a.verdict for a in writes.add_to_list(calls, 5, [ann, bob])] == [Verdict.ACCEPTED] * 2
    assert [a.verdict for a in writes.remove_from_list(calls, 5, [bob])] == [Verdict.ACCEPTED]
    assert rows(system, 'select "leadId" from "listMember"') == [(ann,)]


def test_custom_activity_types_are_made_once_and_what_was_begun_is_finished(system: Connected) -> None:
    """SIA-ACT-5 and 7, SF-ACT-2, MK-REST-11: with a trigger and a filter for marketers each; ids come by name."""
    marketo, calls, root = system.marketo, system.marketo.calls, "/rest/v1/activities/external/type"
    wanted = ACTIVITY_TYPES
    assert [said for _, said in activity_types.lacking(calls, wanted)] == ["has to be created and approved"] * 7
    call, email = (next(one for one in wanted if one.name == name) for name in ("sales_call", "sales_email"))
    primary = {"apiName": "event", "name": "Event", "dataType": "string"}
    for one in (call, email):  # somebody began with one, and approved the other without attributes
        names = {"name": one.label, "triggerName": one.trigger, "filterName": one.filter}
        calls.post(f"{root}.json", {"apiName": one.api_name, **names, "primaryAttribute": primary})
    calls.post(f"{root}/{email.api_name}/approve.json")
    assert marketo.make_activity_types(wanted) == list(wanted)
    assert marketo.make_activity_types(wanted) == []
    ids = marketo.activity_types()
    assert [one.api_name for one in wanted if one.api_name not in ids] == []
    assert (ids["Send Sales Email"], ids["Sales Email Bounced"]) == (39, 48)
    told = calls.get(f"{root}/{email.api_name}/describe.json").only("result")
    assert (told.text("triggerName"), told.text("filterName")) == ("Has Sales Email Event", "Had Sales Email Event")
    assert [one.text("apiName") for one in told.parts("attributes")] == [one.api_name for one in email.attributes]


def test_custom_activities_are_added_and_found_again_by_an_id_of_ours(system: Connected) -> None:
    """SIA-ACT-4 and 8, MK-REST-9."""
    (call,) = activity_types_named(["sales_call"])
    system.marketo.make_activity_types([call])
    number = system.marketo.activity_types()["salesCallEvent"]
    persons = system.create(*(f"p{n}@x.example" for n in range(31)))
    at = "2026-05-17T09:00:00Z"
    sent = [Activity(one, number, at, "Received Sales Call", {"sourceId": f"ours-{one}"}) for one in persons]
    found = system.marketo.add_activities([*sent, Activity(999, number, at, "Received Sales Call", {})])
    assert [answer.verdict for answer in found] == [Verdict.ACCEPTED] * 31 + [Verdict.REJECTED]
    before = datetime(2026, 5, 17, 8, 59, tzinfo=UTC)
    told = list(system.marketo.activities_of([number], persons, before))
    assert {(a["leadId"], json.loads(a["attributes"])["sourceId"]) for a in told} == {(n, f"ours-{n}") for n in persons}
    assert {a["marketoGUID"] for a in told} == {answer.id for answer in found[:31]}


def test_a_lost_answer_tells_what_the_calls_before_it_did(system: Connected) -> None:
    """GEN-16."""
    (kind,) = activity_types_named(["crm_event"])
    system.marketo.make_activity_types([kind])
    number = system.marketo.activity_types()["crmRecordEvent"]
    (ann,) = system.create("ann@x.example")
    many = [Activity(ann, number, "2026-05-17T09:00:00Z", "Sync Error", {"sourceId": str(n)}) for n in range(601)]
    system.sandbox.faults.add("status", status=502, path="/rest/v1/activities/external.json", skip=1, times=1)
    with pytest.raises(UnknownOutcomeError) as lost:
        system.marketo.add_activities(many)
    verdicts = [answer and answer.verdict for answer in lost.value.answers]
    assert verdicts == [Verdict.ACCEPTED] * 300 + [None] * 300 + [Verdict.RETRY]


def test_persons_are_imported_and_the_rows_that_failed_are_told(system: Connected) -> None:
    persons = [("ann@x.example", "Ann", True), (None, "Bob", False), ("cy@x.example", None, False)]
    fields = ("email", "firstName", "unsubscribed")
    (done,) = imports.import_persons(system.marketo.calls, fields, persons, poll_seconds=0.1)
    assert [row["firstName"] for row in done.failures] == ["Bob"]
    assert any("email" in said for said in done.failures[0].values())
    assert rows(system, 'select email, "firstName", unsubscribed from lead order by id') == [
        ("ann@x.example", "Ann", True),
        ("cy@x.example", None, False),
    ]


def test_many_new_persons_are_written_by_one_import_and_each_has_an_answer(system: Connected) -> None:
    """MK-REST-19."""
    (ann,) = system.create("ann@x.example", title="Dr", externalPersonId="1")
    records = [Record(None, {"externalPersonId": "1", "phone": "5"})]
    records += [Record(None, {"externalPersonId": str(n), "email": f"p{n}@x.example"}) for n in range(2, 5)]
    system.create("bob@x.example", "bea@x.example", externalPersonId="5")
    records.append(Record(None, {"externalPersonId": "5", "phone": "6"}))
    before = system.sandbox.log.count("/rest/v1/leads.json")
    answers = system.connect(import_from=5).write(declared("person"), Operation.UPSERT, records, "externalPersonId")
    assert system.sandbox.log.count("/rest/v1/leads.json") == before
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 4 + [Verdict.REJECTED]
    assert "Multiple" in answers[-1].message
    found = rows(
        system, 'select id, "externalPersonId", title, phone from lead where "externalPersonId" <> \'5\' order by id'
    )
    assert [row[1] for row in found] == ["1", "2", "3", "4"]
    assert found[0] == (ann, "1", "Dr", "5")


def test_new_persons_go_into_the_partition_that_is_named_by_call_and_by_import(system: Connected) -> None:
    """FILT-7, FILT-8: those who are there already stay where they are."""
    with system.subscription.cursor() as cursor:
        cursor.execute("""insert into "partition" values (2, 'Europe', null)""")
    first, *more = [
        Record(None, {"externalPersonId": str(n), "email": f"p{n}@x.example"}, partition="Europe") for n in range(4)
    ]
    for some in ([first], more):
        importing = system.connect(import_from=3, poll_seconds=0.1)
        answers = importing.write(PERSON, Operation.UPSERT, some, "externalPersonId")
        assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    assert rows(system, 'select "leadPartitionId", count(*) from lead group by all') == [(2, 4)]


def test_a_file_of_an_import_has_at_most_so_many_bytes_and_always_its_header() -> None:
    files = list(imports.files(("email", "note"), [(f"p{n}@x.example", 'a "b",\nc') for n in range(50)], 500))
    assert all(len(file) <= 500 and file.startswith(b"email,note\n") for file in files)
    assert sum(file.count(b"@") for file in files) == 50
