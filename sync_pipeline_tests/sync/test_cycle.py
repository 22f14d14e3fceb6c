from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sync_pipeline.connectors.errors import RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.writes import UNSEEN
from sync_pipeline.lake import ledger
from sync_pipeline.model import Chosen, Mapping, Object, Rule
from sync_pipeline.sync.delivery import outbox
from sync_pipeline.sync.delivery.on_demand import CREATE_LEAD, SENDING
from sync_pipeline.sync.inspection.explain import explain
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.pass_result import record
from sync_pipeline.sync.planning.preview import reasons, samples
from sync_pipeline.sync.policy import Limits
from sync_pipeline_tests.sync.world import World


def test_a_new_contact_becomes_a_person_that_carries_its_id(world: World) -> None:
    """SF-LEAD-4, SF-CONTACT-2, SPEC 31 decision 2."""
    crm_id = world.crm.edit(LastName="Ada", Phone="1", HasOptedOutOfEmail=True, Score__c=3.0)
    done = world.cycle()
    assert done.planned.creates == 1
    (person,) = world.marketo.records.values()
    assert {k: person.get(k) for k in ("externalPersonId", "lastName", "phone", "unsubscribed", "leadScore")} == {
        "externalPersonId": crm_id,
        "lastName": "Ada",
        "phone": "1",
        "unsubscribed": True,
        "leadScore": None,
    }
    assert world.rows("link", "crm_id, marketo_id") == [(crm_id, person["id"])]


def test_a_person_whose_id_was_not_told_is_linked_when_it_is_read(world: World) -> None:
    """MK-REST-19: a bulk import tells no ids."""
    crm_id = world.crm.edit(LastName="Ada", Phone="1", HasOptedOutOfEmail=False)
    world.marketo.tells_ids = False
    assert world.cycle().sent["marketo"].accepted == 1
    assert world.rows("link", "crm_id") == []
    for _ in range(2):
        world.cycle()
    (person,) = world.marketo.records
    assert world.rows("link", "crm_id, marketo_id") == [(crm_id, person)]
    assert (len(world.marketo.writes), world.crm.writes) == (1, [])


def test_writes_are_taken_from_the_outbox_part_by_part_and_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MK-REST-5: memory is bounded by a part; the last one may be full."""
    monkeypatch.setattr(outbox, "AT_ONCE", 2)
    known = [world.linked(Phone="1")[0] for _ in range(2)]
    for crm_id in known:
        world.crm.edit(crm_id, Phone="2")
    new = [world.crm.edit(LastName=f"P{n}", HasOptedOutOfEmail=False) for n in range(4)]
    world.marketo.writes.clear()
    assert world.cycle().sent["marketo"].accepted == 6
    assert sorted(str(p["externalPersonId"]) for p in world.marketo.records.values()) == sorted(known + new)
    assert len(world.marketo.writes) == 6


def test_a_person_known_to_marketo_alone_stays_there(world: World) -> None:
    """GEN-11, SF-LEAD-5."""
    world.marketo.edit(lastName="Bea")
    assert world.cycle().planned.touched == 0
    assert not world.crm.records


def test_one_edit_in_marketo_gives_one_write_to_the_crm_and_none_back(world: World) -> None:
    """GEN-15, GEN-12: three cycles, exactly one write."""
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, phone="2")
    for _ in range(3):
        world.cycle()
    assert world.crm.records[crm_id]["Phone"] == "2"
    assert (len(world.crm.writes), world.marketo.writes) == (1, [])


def test_touches_that_change_nothing_write_nothing_and_count_as_skipped(world: World) -> None:
    """GEN-13."""
    crm_id, person = world.linked(Phone="1")
    world.crm.edit(crm_id)
    world.marketo.edit(person, phone=" 1 ")
    done = world.cycle()
    assert (done.planned.skipped, world.crm.writes, world.marketo.writes) == (1, [], [])


@pytest.mark.parametrize(
    ("rule", "winner"), [(Rule.CRM_WINS, "2"), (Rule.MARKETO_WINS, "3"), (Rule.NEWEST, "3")], ids=lambda v: str(v)
)
def test_a_field_edited_on_both_sides_goes_to_the_rule_s_winner_and_is_on_record(
    world: World, rule: Rule, winner: str
) -> None:
    """SF-LEAD-2, SF-CONTACT-3."""
    crm_id, person = world.linked(Phone="1")
    world.crm.edit(crm_id, Phone="2")
    world.tick()
    world.marketo.edit(person, phone="3")
    done = world.cycle(mapping=Choice({world.pairing.name: (Chosen("Phone", "phone", rule),)}))
    assert done.planned.conflicts == 1
    assert (world.crm.records[crm_id]["Phone"], world.marketo.records[person]["phone"]) == (winner, winner)
    side = "crm" if winner == "2" else "marketo"
    conflicts = world.rows("conflict", "field, crm_value, marketo_value, base_value, winner, rule")
    assert conflicts == [("phone", "2", "3", "1", side, rule)]


def test_edits_of_different_fields_on_both_sides_both_survive(world: World) -> None:
    """SF-LEAD-3."""
    crm_id, person = world.linked(Phone="1", Title="Dr")
    world.crm.edit(crm_id, Phone="2")
    world.marketo.edit(person, title="Prof")
    assert world.cycle().planned.conflicts == 0
    assert (world.crm.records[crm_id]["Title"], world.marketo.records[person]["phone"]) == ("Prof", "2")


def test_opting_out_on_one_side_wins_where_the_rule_says_so(world: World) -> None:
    """UNSUB-1, UNSUB-4."""
    crm_id, person = world.linked(HasOptedOutOfEmail=False)
    world.crm.edit(crm_id, HasOptedOutOfEmail=True)
    world.cycle()
    assert world.marketo.records[person]["unsubscribed"] is True


def test_an_emptied_field_is_emptied_on_the_other_side(world: World) -> None:
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, phone=None)
    world.cycle()
    assert world.crm.records[crm_id]["Phone"] is None


def test_a_required_field_is_not_emptied_and_the_rest_goes_through(world: World) -> None:
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, lastName=None, phone="2")
    done = world.cycle()
    assert done.planned.refused == 1
    assert (world.crm.records[crm_id]["LastName"], world.crm.records[crm_id]["Phone"]) == ("Ada", "2")


def test_a_value_outside_a_restricted_picklist_is_refused_before_it_is_sent(world: World) -> None:
    crm_id, person = world.linked(LeadSource="Web")
    world.marketo.edit(person, leadSource="Pigeon")
    assert world.cycle().planned.refused == 1
    assert world.crm.writes == []
    world.marketo.edit(person, leadSource="Fair")
    world.cycle()
    assert world.crm.records[crm_id]["LeadSource"] == "Fair"


def test_a_score_flows_to_the_crm_only_and_fractions_are_no_difference(world: World) -> None:
    crm_id, person = world.linked(Score__c=5.0)
    world.marketo.edit(person, leadScore=7)
    world.cycle()
    assert world.crm.records[crm_id]["Score__c"] == 7.0
    world.crm.edit(crm_id, Score__c=7.4)
    world.cycle()
    assert len(world.crm.writes) == 1


def test_an_edit_against_the_flow_stays_until_the_other_side_moves(world: World) -> None:
    """SF-ACCOUNT-2 to 4, for a field that flows one way."""
    crm_id, person = world.linked()
    world.marketo.edit(person, leadScore=7)
    world.cycle()
    world.crm.edit(crm_id, Score__c=1.0)
    world.cycle()
    assert world.crm.records[crm_id]["Score__c"] == 1.0
    world.marketo.edit(person)
    world.cycle()
    world.marketo.edit(person, leadScore=8)
    world.cycle()
    assert world.crm.records[crm_id]["Score__c"] == 8.0


def test_a_text_too_long_for_marketo_is_cut_or_refused_but_never_written_back_short(world: World) -> None:
    """FIELD-25: Marketo's title holds ten characters."""
    crm_id, person = world.linked(Title="Doctor of Philosophy")
    assert world.marketo.records[person]["title"] == "Doctor of"
    for _ in range(2):
        world.crm.edit(crm_id)
        world.marketo.edit(person)
        world.cycle()
    assert (world.crm.records[crm_id]["Title"], world.crm.writes) == ("Doctor of Philosophy", [])
    world.crm.edit(crm_id, Title="Doctor of Philology")
    assert world.cycle(truncates=False).planned.refused == 1


def test_a_blocked_field_is_filled_but_not_overwritten(world: World) -> None:
    """FIELD-15."""
    crm_id, person = world.linked()
    world.crm.edit(crm_id, Phone="1")
    world.cycle(blocked=["phone"])
    world.crm.edit(crm_id, Phone="2")
    assert world.cycle(blocked=["phone"]).planned.refused == 1
    assert world.marketo.records[person]["phone"] == "1"


def test_a_rejected_write_is_on_record_and_does_not_stop_the_others(world: World) -> None:
    """SF-LEAD-8, law 8, OPS-19 and 20: not tried again until the record changes."""
    one, other = world.linked(Phone="1")[1], world.linked(Phone="1")[1]
    rejected = Answer(Verdict.REJECTED, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="no such phone")
    world.crm.refuse = lambda record: rejected if record.values.get("Phone") == "666" else None
    world.marketo.edit(one, phone="666")
    world.marketo.edit(other, phone="2")
    done = world.cycle()
    assert (done.sent["crm"].accepted, done.sent["crm"].rejected) == (1, 1)
    world.cycle()
    assert len(world.crm.writes) == 1
    assert world.open_errors() == ["FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    world.marketo.edit(one, phone="667")
    world.cycle()
    assert len(world.crm.writes) == 2
    assert world.open_errors() == []


def test_an_error_is_closed_when_there_is_nothing_left_to_write(world: World) -> None:
    """OPS-17: a refusal stands as long as the field is refused, a rejection as long as the sides differ."""
    person = world.linked(Phone="1", LeadSource="Web")[1]
    world.crm.refuse = lambda _: Answer(Verdict.REJECTED, code="NO", message="no")
    world.marketo.edit(person, phone="666", leadSource="Pigeon")
    world.cycle()
    assert world.open_errors() == ["NO", "NOT_IN_PICKLIST"]
    world.marketo.edit(person, phone="1", leadSource="Web")
    world.cycle()
    assert world.open_errors() == []


def test_a_write_that_met_a_lock_is_tried_again_by_the_next_cycle(world: World) -> None:
    """OPS-20."""
    crm_id, person = world.linked(Phone="1")
    world.crm.refuse = lambda _: Answer(Verdict.RETRY, code="UNABLE_TO_LOCK_ROW")
    world.marketo.edit(person, phone="2")
    world.cycle()
    world.crm.refuse = lambda _: None
    world.cycle()
    assert world.crm.records[crm_id]["Phone"] == "2"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_system_that_goes_away_leaves_nothing_undone_and_nothing_twice(world: World, when: str) -> None:
    """GEN-16: also when it is the answer to a create that is lost."""

    def gone() -> None:
        raise RetryableError("CONNECTION", "gone")

    world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
    setattr(world.marketo, when, gone)
    assert "gone" in world.cycle().error
    setattr(world.marketo, when, lambda: None)
    world.cycle()
    assert len(world.marketo.records) == 1
    assert len(world.rows("link", "crm_id")) == 1


def test_of_a_batch_whose_answers_were_lost_in_part_the_known_ones_count(world: World) -> None:
    """GEN-16: what was answered is remembered, what was not is decided anew, and nothing is written twice."""
    people = [world.linked(Phone="1")[1] for _ in range(2)]
    for person in people:
        world.marketo.edit(person, phone="2")

    def lose_the_second() -> None:
        (_, first), _ = world.crm.writes
        raise UnknownOutcomeError("LOST", "gone", [Answer(Verdict.ACCEPTED, first), None])

    world.crm.after = lose_the_second
    sent = world.cycle().sent["crm"]
    assert (sent.accepted, sent.retry) == (1, 1)
    world.crm.after = lambda: None
    world.cycle()
    world.cycle()
    assert len(world.crm.writes) == 2
    assert world.rows("pending", "crm_id") == []


def test_a_pairing_that_cannot_be_decided_does_not_keep_the_others_from_being_done(world: World) -> None:
    """Law 8: a column that one pairing needs is hidden from the sync user, before there are links and afterwards."""
    for number in range(2):
        world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
        world.read()
        run = world.next_pass(apply=True)
        run.pairings = [replace(world.pairing, called="broken", alive='"Hidden__c" is null'), world.pairing]
        refused, done = run.run(world.now())
        assert "Hidden__c" in refused.error
        assert (done.error, done.planned.creates, done.sent["marketo"].accepted) == ("", 1, 1), number


def test_a_conflict_whose_write_did_not_arrive_is_one_conflict_though_it_is_decided_twice(world: World) -> None:
    """GEN-16, OPS-20: after an outage and after a lock; with the same values once more, it is another one."""

    def gone() -> None:
        raise RetryableError("CONNECTION", "gone")

    def differ() -> None:
        world.crm.edit(crm_id, Phone="2")
        world.marketo.edit(person, phone="3")

    crm_id, person = world.linked(Phone="1")
    differ()
    world.marketo.before = gone
    world.cycle()
    world.marketo.before = lambda: None
    world.marketo.refuse = lambda _: Answer(Verdict.RETRY, code="1016")
    world.cycle()
    world.marketo.refuse = lambda _: None
    world.cycle()
    assert world.marketo.records[person]["phone"] == "2"
    assert world.rows("conflict", "crm_value, marketo_value, base_value") == [("2", "3", "1")]
    world.crm.edit(crm_id, Phone="1")
    world.cycle()
    differ()
    world.cycle()
    assert len(world.rows("conflict", "field")) == 2


def test_a_plan_writes_nothing_and_applying_it_gives_the_same_numbers(world: World) -> None:
    _crm_id, person = world.linked(Phone="1")
    world.crm.edit(LastName="Bea", HasOptedOutOfEmail=False)
    world.marketo.edit(person, phone="2")
    world.read()
    plans = [world.sync(apply=False).planned for _ in range(2)]
    assert (world.crm.writes, world.marketo.writes) == ([], [])
    assert [*plans, world.sync().planned] == [plans[0]] * 3
    assert (plans[0].creates, plans[0].to_crm) == (1, 1)


def test_a_plan_leaves_no_trace_in_what_is_decided_after_it(world: World) -> None:
    """A score edited against the flow stays, although a plan for another field of the record was made before."""
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, leadScore=7)
    world.cycle()
    world.cycle()
    world.crm.edit(crm_id, Score__c=1.0, Phone="2")
    world.read()
    world.sync(apply=False)
    world.sync()
    assert (world.crm.records[crm_id]["Score__c"], world.marketo.records[person]["phone"]) == (1.0, "2")


def test_above_a_limit_nothing_is_sent_and_the_message_names_it(world: World) -> None:
    """Law 7."""
    people = [world.linked(Phone="1")[1] for _ in range(3)]
    for person in people:
        world.marketo.edit(person, phone="2")
    done = world.cycle(limits=Limits(writes=2))
    assert done.error.startswith(f"{world.pairing.name}: 3 writes to crm are more than the limit of 2; nothing is done")
    assert world.crm.writes == []
    assert world.cycle(limits=Limits(share=0.5, few=1)).error.count("more than the limit of 50%") == 1
    world.cycle()
    assert len(world.crm.writes) == 3


def test_filling_empty_fields_of_everybody_is_below_the_limit_and_emptying_them_above(world: World) -> None:
    """Law 7, CONN-20: after a first load Marketo tells of everybody where they came from."""
    limits = Limits(share=0.5, few=1)
    people = [world.linked()[1] for _ in range(3)]
    for title in ("Dr", None):
        for person in people:
            world.marketo.edit(person, title=title)
        done = world.cycle(limits=limits)
        assert bool(done.error) is (title is None)
    said = (
        f"{world.pairing.name}: 3 of 3 links would be overwritten in crm, more than the limit of 50%; nothing is done"
    )
    assert done.error.startswith(said)


def test_a_mirror_that_has_not_seen_our_write_yet_does_not_undo_it(world: World) -> None:
    """The CRM's mirror is older than the write; the edit in Marketo meanwhile must not bring the old value back."""
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, phone="2")
    world.cycle()
    world.marketo.edit(person, title="Dr")
    world.read("marketo")
    world.sync()
    assert world.marketo.records[person]["phone"] == "2"
    world.cycle()
    assert world.crm.records[crm_id] | {"Phone": "2", "Title": "Dr"} == world.crm.records[crm_id]


def test_a_new_record_waits_while_somebody_may_just_have_created_it_on_demand(world: World) -> None:
    """GEN-16: taken for a stranger before its link is there, it would become a second person."""

    def note(number: int, state: str) -> None:
        row = [
            "request of a lead",
            number,
            world.now(),
            state,
            "sync-person",
            "7",
            "{}",
            CREATE_LEAD,
            "{}",
            None,
            "",
            "",
        ]
        with world.lake.transaction() as con:
            ledger.insert(con, "request", [row])

    known, _ = world.linked(Phone="1")
    note(1, SENDING)
    crm_id = world.crm.edit(LastName="Bea", HasOptedOutOfEmail=False)
    world.crm.edit(known, Phone="2")
    for _ in range(2):
        world.cycle()
    assert {one["externalPersonId"]: one["phone"] for one in world.marketo.records.values()} == {known: "2"}
    note(2, "failed")
    assert world.cycle().planned.creates == 1
    assert len(world.marketo.records) == 2
    assert world.rows("link", "crm_id")[1:] == [(crm_id,)]


def test_explain_tells_the_whole_story_of_one_person(world: World) -> None:
    """GEN-19."""
    crm_id, person = world.linked(Phone="1", Email="ada@example.com")
    rejected = Answer(Verdict.REJECTED, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="no such phone")
    world.crm.refuse = lambda _: rejected
    world.marketo.edit(person, phone="666")
    world.cycle()
    with world.lake.reading() as con:
        told = {who: explain(con, [world.pairing], who) for who in (" ADA@example.com", crm_id, crm_id[:15], person)}
    assert all(story == told[crm_id] for story in told.values())
    story = {chapter.title: chapter for chapter in told[crm_id]}
    assert {(row[0], row[2], row[3]) for row in story["records"].rows} == {
        ("salesforce", crm_id, ""),
        ("marketo", person, ""),
    }
    assert story["links"].rows[0][1:3] == (crm_id, person)
    last = dict(zip(story["writes"].names, story["writes"].rows[0], strict=True))
    assert (last["side"], last["fields"], last["verdict"]) == ("crm", {"Phone": "666"}, "rejected")
    assert last["because"] == {"Phone": "only Marketo changed it"}
    assert "no such phone" in {row[5] for row in story["errors"].rows}


def test_explain_says_so_where_nobody_is_meant_and_why_a_record_takes_no_part(world: World) -> None:
    crm_id = world.crm.edit(LastName=None, Email="b@example.com", HasOptedOutOfEmail=False)
    world.cycle()
    with world.lake.reading() as con:
        story = explain(con, [world.pairing], "b@example.com")
        with pytest.raises(LookupError, match="nobody@"):
            explain(con, [world.pairing], "nobody@example.com")
    assert story[0].rows[0][2:] == (
        crm_id,
        f'of {world.pairing.crm.name}s only those count where "LastName" is not null',
    )


def test_explain_tells_whom_the_other_side_does_not_know(world: World) -> None:
    """GEN-11: two with one address, and neither has a link."""
    world.crm.edit(LastName="Ada", Email="c@example.com", HasOptedOutOfEmail=False)
    world.marketo.edit(email="c@example.com")
    world.read()
    with world.lake.reading() as con:
        records = explain(con, [world.pairing], "c@example.com")[0].rows
    assert [row[3] for row in records] == ["Marketo does not know it yet", "only Marketo knows it"]


def test_the_reasons_of_a_plan_are_those_of_the_pass_that_applies_it(world: World) -> None:
    """Every write is counted with its kind and reason, and so are two reasons of one record."""
    crm_id, person = world.linked(Phone="1", Title="Dr")
    world.crm.edit(LastName="Bea", HasOptedOutOfEmail=False)
    world.crm.edit(crm_id, Phone="2")
    world.marketo.edit(person, phone="3", title="Prof", leadScore=5)
    world.read()
    told = []
    for apply in (False, True):
        world.sync(apply=apply)
        with world.lake.reading() as con:
            told.append([r for r in reasons(con, f"run{world.minute}") if r["object"] == world.pairing.name])
            some = [s for s in samples(con, f"run{world.minute}", 1) if s["object"] == world.pairing.name]
    assert told[0] == told[1]
    assert [(r["to"], r["how"], r["because"], r["records"], r["fields"]) for r in told[0]] == [
        ("crm", "update", "only Marketo changed it", 1, ["Title"]),
        ("crm", "update", "the field flows to the CRM only", 1, ["Score__c"]),
        ("marketo", "create", "new to Marketo", 1, ["lastName"]),
        ("marketo", "update", "both sides changed it: crm_wins", 1, ["phone"]),
    ]
    assert [(s["to"], s["how"]) for s in some] == [("crm", "update"), ("marketo", "create"), ("marketo", "update")]


def test_a_pass_is_on_record_with_its_counts_and_is_green_only_if_all_was_done(world: World) -> None:
    """OPS-1 to OPS-5, LIM-4, law 10."""
    person = world.linked(Phone="1")[1]
    world.crm.refuse = lambda _: Answer(Verdict.REJECTED, code="NO", message="no")
    world.marketo.edit(person, phone="2")
    done = world.cycle()
    run = f"recorded-{world.pairing.name}"
    assert record(world.lake, run, [done], world.now(), world.now()) == "Incomplete"
    jobs = world.lake.rows(
        f"select object, status, read, updated, failed, calls from lake.sync.job where run_id = '{run}'"
    )
    assert sorted(jobs) == [
        (world.pairing.crm.name, "Incomplete", 1, 0, 1, 1),
        (world.pairing.marketo.name, "Incomplete", 1, 0, 0, 0),
    ]
    assert "1 rejected" in world.lake.rows(f"select message from lake.sync.run where run_id = '{run}'")[0][0]


def test_a_mapped_field_that_one_side_lacks_is_left_out_and_told_once(world: World) -> None:
    """FIELD-26."""
    lacking = Mapping("Fax", "fax", "Fax"), Mapping("Title", "honorific", "Title once more")
    world.pairing = replace(world.pairing, mappings=(*world.pairing.mappings, *lacking))
    world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
    for number in range(2):
        done = world.cycle()
        record(world.lake, f"lacking-{number}", [done], world.now(), world.now())
    assert done.error == ""
    told = f"select field, message from {ledger.table('notice')} where object = '{world.pairing.crm.name}' order by all"
    (fax, honorific) = world.lake.rows(told)
    assert fax == ("Fax", "Contact has no field Fax that this user can see: Fax is not synced")
    assert honorific[0] == "honorific"


def test_what_marketo_took_without_an_answer_waits_to_be_seen_and_is_then_sent_for_an_answer(world: World) -> None:
    """MK-REST-20: nothing is sent twice while it may still be taken in, and nothing is lost if it never was."""
    taken, shown = (world.crm.edit(LastName=name, HasOptedOutOfEmail=False) for name in ("Lost", "Seen"))
    sent: list[tuple[str, bool]] = []
    write = world.marketo.write

    def take(obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        sent.extend((str(record.values["externalPersonId"]), record.again) for record in records)
        if any(record.again for record in records):
            return write(obj, operation, records, key)
        write(obj, operation, [record for record in records if record.values["externalPersonId"] == shown], key)
        return [Answer(Verdict.ACCEPTED, code=UNSEEN)] * len(records)

    world.marketo.write = take  # type: ignore[method-assign]
    for _ in range(3):
        world.cycle(ingests=True)
    assert sorted(sent) == sorted([(taken, False), (shown, False)])
    assert world.rows("link", "crm_id") == [(shown,)]
    world.minute += 7 * 60
    for _ in range(3):
        assert world.cycle(ingests=True).error == ""
    assert sent[2:] == [(taken, True)]
    assert sorted(world.rows("link", "crm_id")) == sorted([(taken,), (shown,)])
