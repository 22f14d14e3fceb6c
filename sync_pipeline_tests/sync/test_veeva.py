"""Veeva's pairings in the two-way sync: who becomes what in Marketo, and who never does; calls, for as long as kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sync_pipeline import catalog
from sync_pipeline.catalog import veeva
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.writes import Answer, Operation, Value, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.model import Describe, Direction, Pairing
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.records_http import described
from sync_pipeline.sandbox.marketo.veeva import set_up
from sync_pipeline_tests.mirror.copies import at
from sync_pipeline_tests.sync.many import Many

TODAY = at(0).date()
OBJECTS = ("veevaCall_c", "veevaCallKeyMessage_c")


def of_subscription() -> dict[str, Describe]:
    """Return what a subscription that is set up for Veeva says of persons and of its objects for calls."""
    with Subscription.open() as subscription:
        set_up(subscription)
        told = {name: described(subscription.objects[name]) for name in ("lead", *OBJECTS)}
    return {name: Describe(name, tuple(answers.record_fields(one))) for name, one in told.items()}


def pairings(today: date) -> tuple[Pairing, ...]:
    return catalog.veeva_pairings(["Professional_vod"], OBJECTS, veeva.Kept(today))


class Practice(Many):
    """A Veeva org of which nothing but accounts, calls and users matters, and a subscription beside it."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        super().__init__(lake, folder, pairings(TODAY), of_subscription(), [veeva.RECORD_TYPE], Schema.veeva())
        self.types = {
            name: self.crm["RecordType"].edit(DeveloperName=name, SobjectType="Account")
            for name in ("Professional_vod", "Office", "Hospital_vod")
        }

    def account(self, kind: str = "Professional_vod", **values: str) -> str:
        is_person = kind != "Hospital_vod"
        told: dict[str, Value] = {"Name": "Ann Lee", "IsDeleted": False, "IsPersonAccount": is_person, **values}
        if is_person:
            told |= {"LastName": "Lee", "PersonContactId": "003000000000009AAA"}
        made = self.crm["Account"].edit(RecordTypeId=self.types[kind])
        self.crm["Account"].records[made].update(told)
        return made

    def call(self, account: str, day: str = "2026-01-20", made: str = "2026-01-20", **values: str) -> str:
        return self.crm["Call2_vod__c"].edit(
            Account_vod__c=account, Call_Date_vod__c=day, CreatedDate=f"{made}T08:00:00.000Z", **values
        )

    def calls(self) -> list[tuple[object, ...]]:
        """Return the calls in Marketo, each with the account of the person it belongs to."""
        people = {str(person): account for person, account in self.marketo_values("lead", "id", "externalPersonId")}
        return [
            (call, people.get(str(person))) for call, person in self.marketo_values(OBJECTS[0], "veevaId", "leadId")
        ]


@pytest.fixture
def practice(lake: Lake, tmp_path: Path) -> Practice:
    return Practice(lake, tmp_path / "landing")


def test_a_professional_becomes_one_company_and_one_person_and_nobody_else_anything(practice: Practice) -> None:
    """VV-PA-1, VV-PA-2, VV-GEN-5.

    Nor does a person of Marketo's become one in Veeva (VV-PA-7), or is taken for one by the address (VV-CONN-6).
    """
    ann, _, _ = (practice.account(kind, PersonEmail="ann@x.example") for kind in practice.types)
    practice.marketo["lead"].edit(lastName="Twin", email="ann@x.example")
    done = practice.settled()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    assert practice.marketo_values("company", "externalCompanyId") == [(ann,)]
    assert practice.marketo_values("lead", "externalPersonId", "externalCompanyId") == [(None, None), (ann, ann)][::-1]
    assert practice.crm.order == []


def test_each_half_carries_its_own_fields_and_both_the_shared_ones(practice: Practice) -> None:
    """VV-PA-4, VV-PA-10, VV-PA-13, VV-USER-1.

    SPEC 31, decision 32: the phone is the person's and, one-way, the company's.
    """
    seller = practice.crm["User"].edit(LastName="Seller", Email="seller@crm.example")
    told = {"Phone": "+49 1", "Description": "Note", "Industry": "Biotechnology", "PersonEmail": "ann@x.example"}
    ann = practice.account(OwnerId=seller, **told)
    practice.cycle()
    company = ("company", "mainPhone", "industry", "externalSalesPersonId")
    assert practice.marketo_values("company", *company) == [("Ann Lee", "+49 1", "Biotechnology", seller)]
    person = ("lastName", "email", "phone", "mktoPersonNotes", "isPersonAccount", "externalSalesPersonId")
    assert practice.marketo_values("lead", *person) == [("Lee", "ann@x.example", "+49 1", "Note", True, seller)]
    assert practice.marketo_values("salesPerson", "externalSalesPersonId", "lastName") == [(seller, "Seller")]

    (known,) = practice.marketo["lead"].records
    practice.marketo["lead"].edit(known, phone="+49 2")
    practice.settled()
    assert practice.crm["Account"].records[ann]["Phone"] == "+49 2"
    assert practice.marketo_values("company", "mainPhone") == [("+49 2",)]


def test_calls_leave_marketo_when_their_time_is_over_and_stay_in_the_mirror(practice: Practice) -> None:
    """VV-CALL-3: within the pass, without a change in Veeva; a key message goes with its call (VV-CALL-4, Removed)."""
    ann = practice.account()
    old, young = practice.call(ann, day="2025-08-01"), practice.call(ann)
    practice.crm["Call2_Key_Message_vod__c"].edit(Call2_vod__c=old)
    practice.cycle()
    assert practice.calls() == [(old, ann), (young, ann)]

    practice.read()
    practice.pairings = pairings(date(2026, 2, 2))
    done = practice.sync(apply=False)
    assert (done["call"].planned.gone, done["call_key_message"].planned.gone) == (1, 1)
    practice.settled()
    assert practice.calls() == [(young, ann)]
    assert practice.marketo_values(OBJECTS[1], "veevaId") == []
    assert practice.lake.rows("select count(*) from lake.veeva.call where _deleted_at is null") == [(2,)]

    practice.crm["Call2_vod__c"].edit(old, Call_Date_vod__c="2026-03-01")  # moved, it is young again
    practice.settled()
    assert practice.calls() == [(old, ann), (young, ann)]


def test_a_call_that_moves_to_another_person_is_updated_not_removed_and_added(practice: Practice) -> None:
    """VV-CALL-4."""
    ann, bob = practice.account(), practice.account()
    call = practice.call(ann)
    practice.settled()
    practice.crm["Call2_vod__c"].edit(call, Account_vod__c=bob)
    practice.settled()
    assert practice.calls() == [(call, bob)]
    operations = [operation for source, operation in practice.marketo.order if source == OBJECTS[0]]
    assert operations == [Operation.UPSERT, Operation.UPDATE]


def test_veeva_wins_a_persons_conflict_and_a_companys_field_never_comes_back(practice: Practice) -> None:
    """VV-PA-5, VV-PA-6, VV-GEN-3: a contact's fields alone are two-way."""
    both = [
        (p.name, m.crm) for p in practice.pairings for m in p.mappings if m.direction is not Direction.CRM_TO_MARKETO
    ]
    assert {pairing for pairing, _ in both} == {"person_account"}
    told = practice.described["veeva", "Account"]
    assert all(field.updateable for _, name in both if (field := told.field(name)) is not None)
    ann = practice.account(Industry="Energy", PersonTitle="Dr")
    practice.cycle()
    (person,), (company,) = practice.marketo["lead"].records, practice.marketo["company"].records
    practice.crm["Account"].edit(ann, PersonTitle="Professor")
    practice.marketo["lead"].edit(person, title="Reader")
    practice.marketo["company"].edit(company, industry="Steel")
    practice.cycle()
    assert practice.marketo_values("lead", "title") == [("Professor",)]
    assert practice.lake.rows("select field, winner from lake.sync.conflict") == [("title", "crm")]
    assert practice.crm["Account"].writes == []


def test_a_group_call_is_one_record_for_each_professional_and_none_for_a_hospital(practice: Practice) -> None:
    """VV-CALL-6, VV-CALL-8, VV-GEN-5; nothing of Veeva's calls is ever changed from Marketo (VV-CALL-1)."""
    ann, bob, clinic = practice.account(), practice.account(), practice.account("Hospital_vod")
    header = practice.call(clinic, Is_Parent_Call_vod__c="1")
    one, other = (practice.call(person, Parent_Call_vod__c=header) for person in (ann, bob))
    done = practice.cycle()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    assert practice.calls() == [(one, ann), (other, bob)]
    assert practice.lake.rows("from lake.sync.pending") == []
    practice.marketo[OBJECTS[0]].edit("1", callStatus="Lost")
    practice.cycle()
    assert practice.crm.order == []


def test_a_call_waits_for_its_person_and_a_key_message_for_its_call(practice: Practice) -> None:
    """VV-CALL-7."""
    call = practice.call(practice.account())
    message = practice.crm["Call2_Key_Message_vod__c"].edit(Call2_vod__c=call, Reaction_vod__c="Positive")
    practice.marketo["lead"].refuse = lambda _: Answer(Verdict.RETRY, code="1016", message="later")
    practice.cycle()
    assert practice.marketo[OBJECTS[0]].records == practice.marketo[OBJECTS[1]].records == {}
    assert practice.lake.rows(
        "select pairing, because from lake.sync.pending where because like 'waits%' order by all"
    ) == [
        ("call", "waits for leadId"),
        ("call_key_message", "waits for callId"),
    ]
    practice.marketo["lead"].refuse = lambda _: None
    practice.cycle()
    assert practice.marketo_values(OBJECTS[1], "veevaId", "callId", "reaction") == [(message, call, "Positive")]
    sources = [source for source, _ in practice.marketo.order]
    assert sources.index(OBJECTS[0]) < sources.index(OBJECTS[1])


def test_the_first_load_reaches_six_months_back_by_date_of_creation_and_of_the_call(practice: Practice) -> None:
    """VV-CALL-2, VV-CALL-3: a planned call of the future counts; one made long ago, or of long ago, does not."""
    ann = practice.account()
    practice.call(ann, day="2026-01-20", made="2025-07-30")
    practice.call(ann, day="2025-07-30", made="2026-01-20")
    kept = [practice.call(ann, day="2025-07-31", made="2025-08-01"), practice.call(ann, day="2026-05-01")]
    practice.cycle()
    assert [call for call, _ in practice.calls()] == kept
