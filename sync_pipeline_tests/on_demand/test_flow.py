"""Flow actions on two systems in memory: what is written, remembered and answered."""

from __future__ import annotations

from itertools import product

import pytest

from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Operation, Value
from sync_pipeline.lake import ledger
from sync_pipeline.model import Describe, Field
from sync_pipeline.on_demand.actions import Outcome, RequestError, Status
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.on_demand.world import CAMPAIGN, DESCRIBES, OTHER_USER, QUEUE, USER, FlowWorld

D, S, F = Status.DONE, Status.SKIPPED, Status.FAILED


def said(outcome: Outcome) -> tuple[Status, str]:
    return outcome.status, outcome.code


def test_a_person_known_to_marketo_alone_becomes_a_lead_at_once_and_is_linked(world: FlowWorld) -> None:
    """FLOW-1, SF-LEAD-5, GEN-7 and 8: no mirror was ever read, and no cycle runs."""
    person = world.person(firstName="Bea", unsubscribed=True, leadScore=7)
    done = world.ask("sync-person", person)
    assert said(done) == (D, "")
    lead = world.crm.records["Lead"][str(done.crm_id)]
    assert lead == {
        "LastName": "Ada", "FirstName": "Bea", "Company": "Acme", "Email": "ada@x.example",
        "HasOptedOutOfEmail": True, "mkto71_Lead_Score__c": 7.0,
    }  # fmt: skip
    assert world.links(person) == [("lead", done.crm_id)]
    assert world.marketo.records["lead"][person]["externalPersonId"] == done.crm_id


def test_what_a_request_wrote_is_on_record_like_a_cycle_s_writes(world: FlowWorld) -> None:
    person = world.person()
    done = world.ask("sync-person", person, "on record")
    rows = world.lake.rows(
        f"select side, pairing, operation, fields['LastName'], verdict, record_id from {ledger.table('outbox')} "
        f"join {ledger.table('write_result')} using (write_id, run_id) where run_id = 'on record' order by side"
    )
    assert rows == [
        ("crm", "lead", "create", "Ada", "accepted", done.crm_id),
        ("marketo", "person", "update", None, "accepted", person),
    ]
    (agreed,) = world.lake.rows(f"select agreed from {ledger.table('link')} where crm_id = '{done.crm_id}'")
    assert agreed[0] == {"lastName": "Ada", "company": "Acme", "email": "ada@x.example"}


def test_a_request_clears_no_opt_out_of_whoever_it_recognises_by_address(world: FlowWorld) -> None:
    """Law 13, whatever the rule: Marketo's of a lead, the CRM's of a contact."""
    rules = {"sync": SyncPolicy(match="unique")}
    for no, (name, source) in product(("crm", "marketo"), (("lead", "Lead"), ("contact", "Contact"))):
        mail = f"{name}.{no}@x.example"
        given: dict[str, Value] = {"LastName": "Ada", "Email": mail, "OwnerId": USER, "HasOptedOutOfEmail": no == "crm"}
        crm_id = world.crm.insert(source, given)
        person = world.person(email=mail, unsubscribed=no == "marketo")
        assert world.ask("sync-person", person, rules=rules).crm_id == crm_id
        assert world.crm.records[source][crm_id]["HasOptedOutOfEmail"] is True


@pytest.mark.parametrize("no", ["crm", "marketo"])
def test_what_a_lead_had_agreed_on_is_no_consent_of_the_contact_that_it_became(world: FlowWorld, no: str) -> None:
    """Law 13; of other fields it still tells who changed them."""
    person, lead = world.lead(HasOptedOutOfEmail=False)
    contact = world.crm.insert("Contact", {"LastName": "Ada", "Phone": "old", "HasOptedOutOfEmail": no == "crm"})
    world.crm.records["Lead"][lead] |= {"IsConverted": True, "ConvertedContactId": contact}
    world.marketo.records["lead"][person] |= {"unsubscribed": no == "marketo", "phone": "new"}
    with world.lake.transaction() as con:
        agreed = f"map_concat(agreed, map {{'unsubscribed': '{str(no == 'crm').lower()}', 'phone': 'old'}})"
        con.execute(f"update {ledger.table('link')} set agreed = {agreed} where crm_id = ?", [lead])
    world.ask("sync-person", person)
    changed = world.crm.records["Contact"][contact]
    assert (changed["HasOptedOutOfEmail"], changed["Phone"]) == (True, "new")


def test_nobody_is_looked_for_by_e_mail_before_a_lead_is_created(world: FlowWorld) -> None:
    """FLOW-6, DEDUP-1."""
    _, crm_id = world.lead()
    assert world.ask("sync-person", world.person()).crm_id != crm_id


def test_where_it_is_chosen_the_record_with_the_person_s_address_is_not_made_a_second_time(world: FlowWorld) -> None:
    """DEDUP-8: the only one with the address is the person; where somebody else may be, the settings decide."""
    unique, strict = ({"sync": SyncPolicy(match="unique")}, {"sync": SyncPolicy(match="strict")})
    contact = world.crm.insert("Contact", {"LastName": "Ada", "Email": "only@x.example", "OwnerId": USER})
    person = world.person(email="only@x.example", phone="5")
    assert said(done := world.ask("sync-person", person, rules=unique)) == (D, "")
    assert (done.crm_id, world.crm.records["Contact"][contact]["Phone"]) == (contact, "5")
    assert world.links(person) == [("contact", contact)]
    again = "select because from lake.sync.pending where crm_id = ?"
    assert world.lake.rows(again, [contact]) == [("newly linked",)]

    other = world.person(email="only@x.example")
    assert said(world.ask("sync-person", other, rules=strict)) == (F, "AMBIGUOUS_EMAIL")
    assert world.links(other) == []
    assert world.ask("sync-person", other, rules=unique).crm_id not in (None, contact)


@pytest.mark.parametrize("owner", [USER, QUEUE])
def test_a_new_lead_belongs_to_whoever_is_named(world: FlowWorld, owner: str) -> None:
    """FLOW-1, SF-LEAD-7."""
    done = world.ask("sync-person", world.person(), owner=owner)
    assert world.crm.records["Lead"][str(done.crm_id)]["OwnerId"] == owner


def test_defaults_fill_an_empty_last_name_and_company_on_the_first_push_only(world: FlowWorld) -> None:
    """CONN-18, SF-LEAD-6: decision 27."""
    world.crm.rules.clear()
    world.crm.require(world.pairings[1].crm, "LastName", "Company")
    person = world.person(lastName=None, company=None)
    refused = world.ask("sync-person", person)
    assert said(refused) == (F, "REQUIRED_FIELD_MISSING")
    errors = f"select code from {ledger.table('error')} where record_id = ? and resolved_at is null"
    assert world.lake.rows(errors, [person]) == [("REQUIRED_FIELD_MISSING",)]

    rules = {"defaults": {"LastName": "?", "Company": "??"}}
    done = world.ask("sync-person", person, rules=rules)
    lead = world.crm.records["Lead"][str(done.crm_id)]
    assert (lead["LastName"], lead["Company"]) == ("?", "??")
    assert world.lake.rows(errors, [person]) == []
    lead |= {"LastName": "Named by sales"}
    assert said(world.ask("sync-person", person, rules=rules)) == (S, "NOTHING_DIFFERS")
    assert lead["LastName"] == "Named by sales"
    world.crm.rules.clear()


def test_a_linked_lead_gets_the_person_s_values_at_once_and_keeps_its_owner(world: FlowWorld) -> None:
    """FLOW-2, SF-LEAD-11; SF-LEAD-2: where both sides changed a field, Marketo wins."""
    person, crm_id = world.lead(Phone="1")
    world.marketo.records["lead"][person] |= {"phone": "2", "lastName": "Bea"}
    world.crm.records["Lead"][crm_id] |= {"LastName": "Cy", "FirstName": "Sales knows"}
    assert said(world.ask("sync-person", person)) == (D, "")
    lead = world.crm.records["Lead"][crm_id]
    assert (lead["Phone"], lead["LastName"], lead["FirstName"], lead["OwnerId"]) == ("2", "Bea", "Sales knows", USER)
    assert said(world.ask("sync-person", person)) == (S, "NOTHING_DIFFERS")


@pytest.mark.parametrize(
    ("described", "value", "typed"),
    [
        # Salesforce keeps a fraction that a program writes; no cycle has seen it yet.
        (Field("FirstName", "double", precision=18), "2.5", "3"),
        # The type has changed since the last cycle.
        (Field("FirstName", "int"), "seven", "7"),
        (Field("FirstName", "date"), "2026-01-02T10:30:00.000Z", "2026-01-02"),
    ],
)
def test_what_is_no_value_of_its_field_s_type_is_no_empty_field(
    world: FlowWorld, described: Field, value: str, typed: str
) -> None:
    fields = (*(f for f in DESCRIBES["Lead"] if f.name != "FirstName"), described)
    with world.lake.transaction() as con:
        ledger.remember_describe(con, salesforce.LEAD, Describe("Lead", fields), world.at)
    try:
        person, crm_id = world.lead(FirstName=value)
        world.marketo.records["lead"][person]["firstName"] = typed
        assert said(world.ask("sync-person", person)) == (S, "NOTHING_DIFFERS")
        assert world.crm.records["Lead"][crm_id]["FirstName"] == value
    finally:
        with world.lake.transaction() as con:
            ledger.remember_describe(con, salesforce.LEAD, Describe("Lead", DESCRIBES["Lead"]), world.at)


@pytest.mark.parametrize("owner", [OTHER_USER, QUEUE])
def test_a_linked_lead_goes_to_whoever_is_named(world: FlowWorld, owner: str) -> None:
    """FLOW-3."""
    person, crm_id = world.lead()
    world.marketo.records["lead"][person]["phone"] = "3"
    assert said(world.ask("sync-person", person, owner=owner)) == (D, "")
    lead = world.crm.records["Lead"][crm_id]
    assert (lead["Phone"], lead["OwnerId"]) == ("3", owner)


def test_a_contact_gets_what_marketo_alone_changed(world: FlowWorld) -> None:
    """SF-CONTACT-3 and 5."""
    person, crm_id = world.lead("Contact", Phone="1")
    world.marketo.records["lead"][person] |= {"phone": "2", "lastName": "Bea"}
    world.crm.records["Contact"][crm_id]["LastName"] = "Cy"
    assert said(world.ask("sync-person", crm_id)) == (S, "NOTHING_DIFFERS")
    with world.lake.transaction() as con:
        con.execute(f"update {ledger.table('link')} set agreed = map {{'phone': '1'}} where crm_id = ?", [crm_id])
    assert said(world.ask("sync-person", crm_id)) == (D, "")
    contact = world.crm.records["Contact"][crm_id]
    assert (contact["Phone"], contact["LastName"]) == ("2", "Cy")


@pytest.mark.parametrize("action", ["sync-person", "change-owner"])
def test_a_contact_s_owner_stays(world: FlowWorld, action: str) -> None:
    """FLOW-5, SF-CONTACT-7, SF-CONTACT-6: with decision 19 a queue is refused, too."""
    person, _ = world.lead("Contact")
    leads = len(world.written("Lead"))
    world.crm.calls.clear()
    user = world.ask(action, person, owner=OTHER_USER)
    assert said(user) == (F, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")
    assert said(world.ask(action, person, owner=QUEUE)) == (F, "QUEUE_CANNOT_OWN_CONTACT")
    assert world.crm.calls == []
    assert len(world.written("Lead")) == leads


@pytest.mark.parametrize("action", ["sync-person", "change-owner"])
def test_a_contact_sent_to_a_queue_becomes_a_second_lead_where_that_is_wanted(world: FlowWorld, action: str) -> None:
    """FLOW-4, FLOW-8, SF-CONTACT-6."""
    person, crm_id = world.lead("Contact")
    done = world.ask(action, person, rules={"doubles": True}, owner=QUEUE)
    assert (said(done), done.crm_id) == ((D, ""), crm_id)
    assert world.crm.records["Lead"][str(done.record_id)]["OwnerId"] == QUEUE
    assert world.links(person) == [("contact", crm_id)]


def test_change_owner_gives_a_lead_away_and_creates_one_for_who_is_not_there(world: FlowWorld) -> None:
    """FLOW-8, FLOW-15, SF-USER-5."""
    person, crm_id = world.lead(Phone="1")
    world.marketo.records["lead"][person]["phone"] = "2"
    assert said(world.ask("change-owner", person, owner=QUEUE)) == (D, "")
    lead = world.crm.records["Lead"][crm_id]
    assert (lead["OwnerId"], lead["Phone"]) == (QUEUE, "1")
    new = world.ask("change-owner", world.person(), owner=OTHER_USER)
    assert world.crm.records["Lead"][str(new.crm_id)]["OwnerId"] == OTHER_USER


def test_a_task_is_about_the_person_due_in_five_days_and_belongs_to_whoever_owns_it(world: FlowWorld) -> None:
    """FLOW-9, SF-ACT-4."""
    person, crm_id = world.lead()
    subject = "Call {{lead.Last Name}} of {{company.Company Name}}"
    done = world.ask("create-task", person, subject=subject, priority="High", task_status="Open")
    assert done.crm_id == crm_id
    due = (world.crm.at.date().replace(day=world.crm.at.day + 5)).isoformat()
    assert world.crm.records["Task"][str(done.record_id)] == {
        "WhoId": crm_id, "Subject": "Call Ada of Acme", "ActivityDate": due, "OwnerId": USER, "Priority": "High",
        "Status": "Open",
    }  # fmt: skip
    other = world.ask("create-task", person, subject="x", due_in=0, owner=OTHER_USER, description="{{system.date}}")
    task = world.crm.records["Task"][str(other.record_id)]
    assert (task["ActivityDate"], task["OwnerId"]) == (world.crm.at.date().isoformat(), OTHER_USER)
    assert task["Description"] == world.crm.at.date().isoformat()


def test_a_task_for_who_is_not_in_salesforce_creates_the_lead_first(world: FlowWorld) -> None:
    """FLOW-9, FLOW-15."""
    person = world.person()
    done = world.ask("create-task", person, subject="Call", owner=OTHER_USER)
    assert world.links(person) == [("lead", done.crm_id)]
    task = world.crm.records["Task"][str(done.record_id)]
    assert (task["WhoId"], task["OwnerId"]) == (done.crm_id, OTHER_USER)
    assert "OwnerId" not in world.crm.records["Lead"][str(done.crm_id)]


def test_members_are_added_once_moved_and_removed(world: FlowWorld) -> None:
    """FLOW-10 to 12, FLOW-15, SF-CAMP-11 to 13."""
    person, campaign = world.person(), {"campaign": CAMPAIGN}
    assert said(world.ask("remove-from-campaign", person, **campaign)) == (S, "NOT_IN_SALESFORCE")
    added = world.ask("add-to-campaign", person, status="Sent", **campaign)
    member = world.crm.records["CampaignMember"][str(added.record_id)]
    assert member == {"CampaignId": CAMPAIGN, "LeadId": added.crm_id, "Status": "Sent"}
    assert said(world.ask("add-to-campaign", person, status="Responded", **campaign)) == (S, "ALREADY_A_MEMBER")
    assert member["Status"] == "Sent"
    assert said(world.ask("change-status", person, status="Sent", **campaign)) == (S, "SAME_STATUS")
    assert said(world.ask("change-status", person, status="Responded", **campaign)) == (D, "")
    assert world.crm.records["CampaignMember"][str(added.record_id)]["Status"] == "Responded"
    assert said(world.ask("remove-from-campaign", person, **campaign)) == (D, "")
    assert added.record_id in world.crm.deleted
    assert said(world.ask("remove-from-campaign", person, **campaign)) == (S, "NOT_A_MEMBER")


def test_the_status_of_a_stranger_is_set_by_way_of_a_lead_and_a_membership(world: FlowWorld) -> None:
    """FLOW-11, FLOW-15, SF-CAMP-12; a contact is a member as a contact (SF-CAMP-22)."""
    for person in (world.person(), world.lead("Contact")[0]):
        done = world.ask("change-status", person, campaign=CAMPAIGN, status="Responded")
        member = world.crm.records["CampaignMember"][str(done.record_id)]
        assert (done.crm_id in member.values(), member["Status"]) == (True, "Responded")


def test_in_a_program_that_is_linked_to_a_campaign_nobody_is_created_on_the_way(world: FlowWorld) -> None:
    """FLOW-16, SF-CAMP-10."""
    with world.lake.transaction() as con:
        con.execute(
            f"insert into {ledger.table('link')} by name select 'campaign' as pairing, '{CAMPAIGN}' as crm_id, "
            "'program' as marketo_object, '1001' as marketo_id"
        )
    person, options = world.person(), {"campaign": CAMPAIGN}
    assert said(world.ask("add-to-campaign", person, program="1001", **options)) == (S, "IMPLIED_ACTIONS_OFF")
    assert world.links(person) == []
    assert said(world.ask("add-to-campaign", person, program="1002", **options)) == (D, "")


def test_a_lead_is_converted_with_a_new_account_and_opportunity_and_a_contact_is_not(world: FlowWorld) -> None:
    """CONV-6 to 9, CONV-11, FLOW-15."""
    person = world.person()
    done = world.ask("convert", person, status="Converted", owner=OTHER_USER, notify=True)
    assert str(done.crm_id).startswith("003")
    lead = world.crm.records["Lead"][world.links(person)[0][1]]
    assert (lead["Status"], done.record_id) == ("Converted", "Acme-")
    wanted = str(world.crm.records["Contact"][str(done.crm_id)]["Wanted"])
    assert all(part in wanted for part in (OTHER_USER, "'send_mail': True", "'account_id': None"))
    assert said(world.ask("convert", person, status="Converted")) == (S, "ALREADY_A_CONTACT")
    into = world.ask("convert", world.lead()[0], status="Converted", account="001000000000009AAA", opportunity="false")
    wanted = str(world.crm.records["Contact"][str(into.crm_id)]["Wanted"])
    assert "'account_id': '001000000000009AAA', 'opportunity_name': None" in wanted


def test_a_new_owner_is_told_by_e_mail_only_where_that_is_asked_for(world: FlowWorld) -> None:
    """CONN-19, CONV-7: of what the sync assigns by REST, Salesforce itself tells nobody."""
    for asked, sent in (("", False), ("true", True)):
        person, _ = world.lead()
        done = world.ask("convert", person, status="Converted", owner=OTHER_USER, notify=asked or False)
        wanted = str(world.crm.records["Contact"][str(done.crm_id)]["Wanted"])
        assert f"'send_mail': {sent}" in wanted


def test_after_a_conversion_the_contact_is_written_to(world: FlowWorld) -> None:
    """SF-LEAD-12."""
    person, lead = world.lead()
    contact = world.crm.convert(lead, "Converted", account_id=None, opportunity_name=None).contact_id
    world.marketo.records["lead"][person]["phone"] = "9"
    done = world.ask("sync-person", person)
    assert (done.crm_id, world.crm.records["Contact"][contact]["Phone"]) == (contact, "9")


def test_a_merged_lead_s_winner_is_written_to(world: FlowWorld) -> None:
    person, loser = world.lead()
    _, winner = world.lead()
    world.crm.records["Lead"][loser]["MasterRecordId"] = winner
    world.crm.deleted.add(loser)
    world.marketo.records["lead"][person]["phone"] = "8"
    assert world.ask("sync-person", person).crm_id == winner
    assert world.crm.records["Lead"][winner]["Phone"] == "8"


def test_a_person_whose_lead_was_deleted_becomes_a_new_lead(world: FlowWorld) -> None:
    """DEL-2."""
    person, crm_id = world.lead()
    world.crm.deleted.add(crm_id)
    done = world.ask("sync-person", person)
    assert done.crm_id not in (None, crm_id)
    assert world.links(person) == [("lead", done.crm_id)]


def test_a_record_that_cannot_be_seen_is_not_taken_for_deleted(world: FlowWorld) -> None:
    """GEN-5."""
    person, crm_id = world.lead()
    world.crm.hidden.add(crm_id)
    assert said(world.ask("sync-person", person)) == (F, "NOT_VISIBLE")
    assert world.links(person) == [("lead", crm_id)]


@pytest.mark.parametrize(("action", "gone"), [("delete-from-crm", {"crm"}), ("delete", {"crm", "marketo"})])
def test_a_person_is_deleted_where_its_action_says(world: FlowWorld, action: str, gone: set[str]) -> None:
    """FLOW-13, FLOW-14, DEL-3."""
    person, crm_id = world.lead()
    assert said(world.ask(action, person)) == (D, "")
    assert ({"crm"} if crm_id in world.crm.deleted else set()) | (
        {"marketo"} if person in world.marketo.deleted else set()
    ) == gone


def test_a_deletion_reaches_as_far_as_is_asked_for(world: FlowWorld) -> None:
    """FLOW-13, FLOW-14."""
    (one, lead), (other, kept) = world.lead(), world.lead()
    world.ask("delete-from-crm", one, everywhere=True)
    world.ask("delete", other, everywhere=False)
    assert {lead}.issubset(world.crm.deleted)
    assert {one, other} <= world.marketo.deleted
    assert kept not in world.crm.deleted


def test_a_person_is_kept_in_marketo_if_the_crm_refuses_to_delete_its_record(world: FlowWorld) -> None:
    person, crm_id = world.lead()
    world.crm.before = [RetryableError("UNABLE_TO_LOCK_ROW", "locked")]
    assert not world.ask("delete", person).final
    assert person not in world.marketo.deleted
    assert crm_id not in world.crm.deleted


def test_people_are_known_by_either_id_or_by_an_address_that_is_theirs_alone(world: FlowWorld) -> None:
    person, crm_id = world.lead()
    world.marketo.records["lead"][person]["email"] = "alone@x.example"
    assert {world.ask("sync-person", who).marketo_id for who in (person, crm_id[:15], crm_id, "alone@x.example")} == {
        person
    }
    world.person(email="two@x.example"), world.person(email="two@x.example")
    assert said(world.ask("sync-person", "two@x.example")) == (F, "SEVERAL_PERSONS")
    assert said(world.ask("sync-person", "nobody@x.example")) == (F, "NO_SUCH_PERSON")
    assert said(world.ask("sync-person", "999999")) == (F, "NO_SUCH_PERSON")
    assert said(world.ask("change-owner", person, owner="Nobody")) == (F, "UNKNOWN_OWNER")
    assert said(world.ask("add-to-campaign", person, campaign="None")) == (F, "UNKNOWN_CAMPAIGN")


def test_the_same_request_again_gets_the_same_answer_and_costs_no_call(world: FlowWorld) -> None:
    """FLOW-18."""
    person = world.person()
    done = world.ask("create-task", person, "again", subject="Once")
    reads = world.crm.reads, world.marketo.reads
    assert world.ask("create-task", person, "again", subject="Once") == done
    assert (world.crm.reads, world.marketo.reads) == reads
    assert sum(task["Subject"] == "Once" for task in world.written("Task")) == 1
    assert said(world.ask("create-task", person, "again", subject="Twice")) == (F, "REQUEST_ID_USED")


def test_a_system_out_of_reach_gives_no_final_answer_and_the_same_request_goes_on(world: FlowWorld) -> None:
    person = world.person()
    world.marketo.before = [RetryableError("CONNECTION", "gone")]
    first = world.ask("sync-person", person, "outage")
    assert (said(first), first.final, bool(first.crm_id)) == ((F, "CONNECTION"), False, True)
    leads = len(world.written("Lead"))
    again = world.ask("sync-person", person, "outage")
    assert (said(again), again.crm_id, len(world.written("Lead"))) == ((D, ""), first.crm_id, leads)
    assert world.marketo.records["lead"][person]["externalPersonId"] == first.crm_id


def test_one_call_a_step_is_what_an_action_writes(world: FlowWorld) -> None:
    """FLOW-17: a task for a linked person is one write."""
    person, _ = world.lead()
    world.crm.calls.clear()
    world.ask("create-task", person, subject="x")
    assert world.crm.calls == [("Task", Operation.CREATE, 1)]


def test_contacts_arise_by_conversion_alone_and_queues_are_only_chosen(world: FlowWorld) -> None:
    """GEN-6, SF-CONTACT-4, SF-USER-6: what all actions together write for people who are not in Salesforce."""
    world.crm.calls.clear()
    contacts = len(world.written("Contact"))
    campaign = {"campaign": CAMPAIGN}
    for action, options in (
        ("sync-person", {"owner": QUEUE}),
        ("change-owner", {"owner": QUEUE}),
        ("create-task", {"subject": "x", "owner": QUEUE}),
        ("add-to-campaign", campaign),
        ("change-status", {**campaign, "status": "Sent"}),
    ):
        assert world.ask(action, world.person(), **options).status is D
    assert {(source, operation) for source, operation, _ in world.crm.calls} == {
        (source, Operation.CREATE) for source in ("Lead", "Task", "CampaignMember")
    }
    assert len(world.written("Contact")) == contacts
    assert world.ask("convert", world.person(), status="Converted").status is D
    assert len(world.written("Contact")) == contacts + 1


def test_opportunities_come_with_the_cycle_alone(world: FlowWorld) -> None:
    """SF-OPP-2: nobody can ask for them, and what is asked for a person neither reads nor writes any in Marketo."""
    person, _ = world.lead()
    assert said(world.ask("sync-person", person)) == (S, "NOTHING_DIFFERS")
    assert said(world.ask("convert", person, status="Converted", opportunity=True)) == (D, "")
    assert world.marketo.records.keys() == {"lead"}
    for action in ("sync-opportunity", "opportunity"):
        with pytest.raises(RequestError, match="unknown action"):
            world.ask(action, person)
