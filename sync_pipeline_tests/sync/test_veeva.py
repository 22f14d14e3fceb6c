"""Veeva's pairings in the two-way sync: who becomes what in Marketo, and who never does; calls, for as long as kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sync_pipeline.connectors.records import Answer, Operation, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.model import Direction
from sync_pipeline.sandbox.marketo.population.veeva import CALL, MESSAGE
from sync_pipeline_tests.sync.practice import CALLS, FEW, HOSPITAL, MESSAGES, TODAY, Practice, pairings


@pytest.fixture
def practice(lake: Lake, tmp_path: Path) -> Practice:
    return Practice(lake, tmp_path / "landing")


@pytest.fixture
def whole(lake: Lake, tmp_path: Path) -> Practice:
    """Give one of which all mapped fields are synced."""
    return Practice(lake, tmp_path / "landing", fields=())


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


def test_each_half_carries_its_own_fields_and_both_the_shared_ones(whole: Practice) -> None:
    """VV-PA-4, VV-PA-10, VV-PA-13, VV-USER-1.

    SPEC 31, decision 32: the phone is the person's and, one-way, the company's.
    """
    seller = whole.crm["User"].edit(LastName="Seller", Email="seller@crm.example")
    told = {"Phone": "+49 1", "Description": "Note", "Industry": "Biotechnology", "PersonEmail": "ann@x.example"}
    ann = whole.account(OwnerId=seller, **told)
    whole.cycle()
    company = ("company", "mainPhone", "industry", "externalSalesPersonId")
    assert whole.marketo_values("company", *company) == [("Ann Lee", "+49 1", "Biotechnology", seller)]
    person = ("lastName", "email", "phone", "mktoPersonNotes", "isPersonAccount", "externalSalesPersonId")
    assert whole.marketo_values("lead", *person) == [("Lee", "ann@x.example", "+49 1", "Note", True, seller)]
    assert whole.marketo_values("salesPerson", "externalSalesPersonId", "lastName") == [(seller, "Seller")]

    (known,) = whole.marketo["lead"].records
    whole.marketo["lead"].edit(known, phone="+49 2")
    whole.settled()
    assert whole.crm["Account"].records[ann]["Phone"] == "+49 2"
    assert whole.marketo_values("company", "mainPhone") == [("+49 2",)]


def test_calls_leave_marketo_when_their_time_is_over_and_stay_in_the_mirror(practice: Practice) -> None:
    """VV-CALL-3: within the pass, without a change in Veeva; a key message goes with its call (VV-CALL-4, Removed)."""
    ann = practice.account()
    old, young = practice.call(ann, day="2025-08-01"), practice.call(ann)
    practice.crm[MESSAGES].edit(Call2_vod__c=old)
    practice.cycle()
    assert practice.calls() == [(old, ann), (young, ann)]

    practice.read()
    practice.age(date(2026, 2, 2))
    done = practice.sync(apply=False)
    assert (done["call"].planned.gone, done["call_key_message"].planned.gone) == (1, 1)
    practice.settled()
    assert practice.calls() == [(young, ann)]
    assert practice.marketo_values(MESSAGE, "veevaId") == []
    assert practice.lake.rows("select count(*) from lake.veeva.call where _deleted_at is null") == [(2,)]

    practice.crm[CALLS].edit(old, Call_Date_vod__c="2026-03-01")  # moved, it is young again
    practice.settled()
    assert practice.calls() == [(old, ann), (young, ann)]


def test_a_call_that_moves_to_another_person_is_updated_not_removed_and_added(practice: Practice) -> None:
    """VV-CALL-4."""
    ann, bob = practice.account(), practice.account()
    call = practice.call(ann)
    practice.settled()
    practice.crm[CALLS].edit(call, Account_vod__c=bob)
    practice.settled()
    assert practice.calls() == [(call, bob)]
    operations = [operation for source, operation in practice.marketo.order if source == CALL]
    assert operations == [Operation.UPSERT, Operation.UPDATE]


def test_veeva_wins_a_persons_conflict_and_a_companys_field_never_comes_back(whole: Practice) -> None:
    """VV-PA-5, VV-PA-6, VV-GEN-3: a contact's fields alone are two-way."""
    both = [(p.name, m.crm) for p in whole.pairings for m in p.mappings if m.direction is not Direction.CRM_TO_MARKETO]
    assert {pairing for pairing, _ in both} == {"person_account"}
    told = whole.described["veeva", "Account"]
    assert all(field.updateable for _, name in both if (field := told.field(name)) is not None)
    ann = whole.account(Industry="Energy", PersonTitle="Dr")
    whole.cycle()
    (person,), (company,) = whole.marketo["lead"].records, whole.marketo["company"].records
    whole.crm["Account"].edit(ann, PersonTitle="Professor")
    whole.marketo["lead"].edit(person, title="Reader")
    whole.marketo["company"].edit(company, industry="Steel")
    whole.cycle()
    assert whole.marketo_values("lead", "title") == [("Professor",)]
    assert whole.lake.rows("select field, winner from lake.sync.conflict") == [("title", "crm")]
    assert whole.crm["Account"].writes == []


def test_a_group_call_is_one_record_for_each_professional_and_none_for_a_hospital(practice: Practice) -> None:
    """VV-CALL-6, VV-CALL-8, VV-GEN-5; nothing of Veeva's calls is ever changed from Marketo (VV-CALL-1)."""
    ann, bob, clinic = practice.account(), practice.account(), practice.account(HOSPITAL)
    header = practice.call(clinic, Is_Parent_Call_vod__c="1")
    one, other = (practice.call(person, Parent_Call_vod__c=header) for person in (ann, bob))
    done = practice.cycle()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    assert practice.calls() == [(one, ann), (other, bob)]
    assert practice.lake.rows("from lake.sync.pending") == []
    practice.marketo[CALL].edit("1", callStatus="Lost")
    practice.cycle()
    assert practice.crm.order == []


def test_a_call_waits_for_its_person_and_a_key_message_for_its_call(practice: Practice) -> None:
    """VV-CALL-7."""
    call = practice.call(practice.account())
    message = practice.crm[MESSAGES].edit(Call2_vod__c=call, Reaction_vod__c="Positive")
    practice.marketo["lead"].refuse = lambda _: Answer(Verdict.RETRY, code="1016", message="later")
    practice.cycle()
    assert practice.marketo[CALL].records == practice.marketo[MESSAGE].records == {}
    assert practice.lake.rows(
        "select pairing, because from lake.sync.pending where because like 'waits%' order by all"
    ) == [
        ("call", "waits for leadId"),
        ("call_key_message", "waits for callId"),
    ]
    practice.marketo["lead"].refuse = lambda _: None
    practice.cycle()
    assert practice.marketo_values(MESSAGE, "veevaId", "callId", "reaction") == [(message, call, "Positive")]
    sources = [source for source, _ in practice.marketo.order]
    assert sources.index(CALL) < sources.index(MESSAGE)


def test_the_first_load_reaches_six_months_back_by_date_of_creation_and_of_the_call(practice: Practice) -> None:
    """VV-CALL-2, VV-CALL-3: a planned call of the future counts; one made long ago, or of long ago, does not."""
    ann = practice.account()
    practice.call(ann, day="2026-01-20", made="2025-07-30")
    practice.call(ann, day="2025-07-30", made="2026-01-20")
    kept = [practice.call(ann, day="2025-07-31", made="2025-08-01"), practice.call(ann, day="2026-05-01")]
    practice.cycle()
    assert [call for call, _ in practice.calls()] == kept


def test_who_becomes_a_professional_brings_the_calls_on_him_and_their_key_messages(practice: Practice) -> None:
    """VV-CALL-6, VV-CALL-7, VV-PA-1: though no call changed. Who is none any more loses them at once."""
    ann = practice.account("Office")
    call = practice.call(ann)
    message = practice.crm[MESSAGES].edit(Call2_vod__c=call)
    practice.cycle()
    assert practice.calls() == []
    practice.crm["Account"].edit(ann, RecordTypeId=practice.types["Professional_vod"])
    practice.cycle()
    assert practice.calls() == [(call, ann)]
    assert practice.marketo_values(MESSAGE, "veevaId") == [(message,)]
    practice.crm["Account"].edit(ann, RecordTypeId=practice.types["Office"])
    practice.cycle()
    assert practice.calls() == practice.marketo_values(MESSAGE, "veevaId") == []


def test_calls_follow_a_person_who_is_made_anew_and_stay_with_one_whose_account_is_deleted(practice: Practice) -> None:
    """VV-CALL-6, VV-PA-15: Marketo keeps the person of a deleted account, and so the calls on it."""
    ann = practice.account()
    call = practice.call(ann)
    practice.cycle()
    practice.people.delete("1")
    practice.cycle()
    practice.crm["Account"].edit(ann, Phone="2")
    practice.cycle()
    assert practice.calls() == [(call, ann)]
    practice.crm["Account"].delete(ann)
    practice.cycle()
    practice.crm[CALLS].edit(call, Status_vod__c="Submitted_vod")
    practice.cycle()
    assert practice.calls() == [(call, ann)]


def test_a_field_that_marketo_fills_reaches_who_is_there_already_with_the_next_update(
    lake: Lake, tmp_path: Path
) -> None:
    """VV-CONN-4 and 5: the score is added when everybody is linked already."""
    score = "mkto71_Lead_Score__pc"
    practice = Practice(lake, tmp_path / "landing", FEW | {score})
    practice.pairings = pairings(TODAY, FEW)
    ann, bob = practice.account(), practice.account()
    practice.cycle()
    for person in practice.people.records:
        practice.people.edit(person, leadScore=7)
    practice.settled()
    practice.pairings = pairings(TODAY, FEW | {score})
    practice.cycle()
    assert practice.crm.order == []
    practice.crm["Account"].edit(ann, PersonTitle="Dr")
    practice.people.edit(str(practice.person(bob)), title="Dr")
    practice.cycle()
    assert {i: practice.crm["Account"].records[i].get(score) for i in (ann, bob)} == {ann: 7, bob: 7}
