"""Campaigns linked to programs by settings: their members and statuses go both ways, and only forward in Marketo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sync_pipeline import catalog
from sync_pipeline.catalog.member_fields import is_alike
from sync_pipeline.catalog.views import VIEWS
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.marketo import answers, kinds
from sync_pipeline.connectors.records import Answer, Record, Value, Verdict
from sync_pipeline.connectors.writes import blamed
from sync_pipeline.lake import Lake, views
from sync_pipeline.model import Describe, Field, Pairing, id18
from sync_pipeline.sandbox import Schema
from sync_pipeline.settings import Settings
from sync_pipeline.sync.delivery.retries import retry
from sync_pipeline.sync.policy import Limits, SyncPolicy
from sync_pipeline_tests.sync.many import MARKETO, Many, described, marketo_fields
from sync_pipeline_tests.sync.world import System

STEPS = ("Invited", "Registered", "Attended")
CAMPAIGN, OTHER = (id18(f"701{number:012d}") for number in (1, 2))


class Members(System):
    """Memberships of Marketo, whose key is made of program and person."""

    def edit(self, record_id: str | None = None, **values: Value) -> str:
        if record_id is None:
            record_id = f"{values['programId']}-{values['leadId']}"
            self.records[record_id] = {self.key: record_id}
        return super().edit(record_id, **values)


class Leads(System):
    """Leads, none of which has been converted."""

    def edit(self, record_id: str | None = None, **values: Value) -> str:
        return super().edit(record_id, **(values if record_id else {"IsConverted": False, **values}))


def pairings_of(links: dict[str, str], leads: dict[str, str] | None = None, **chosen: Any) -> tuple[Pairing, ...]:
    """Return what is paired; with `leads`, which stand in for empty values, unknown members become leads."""
    names = ("contact", "lead") if leads is None else ("lead",)
    people = tuple(p for p in catalog.pairings() if p.name in names)
    if leads is not None:
        people = catalog.with_member_leads(people, leads)
    return (*people, *catalog.campaign_pairings(links, **chosen))


def many_of(lake: Lake, folder: Path, links: dict[str, str], **chosen: Any) -> Many:
    """Give a campaign and a program of the same statuses, and a campaign that lacks one of another program's."""
    paired = pairings_of(links, **chosen)
    own = Field("lunch", "string", length=255), Field("seats", "integer")
    member = Describe("programMember", (kinds.MEMBERSHIP, *marketo_fields(MARKETO["programMember"]), *own))
    theirs = Field("Lunch__c", "string", length=255), Field("Seats__c", "double", scale=2)
    of_crm = described(catalog.by_name("campaign_member", catalog.objects("salesforce")), Schema.standard())
    of_crm = replace(of_crm, fields=(*of_crm.fields, *theirs))
    program = Describe("program", kinds.PROGRAM_FIELDS)
    statuses = next(obj for obj in catalog.objects("salesforce") if obj.name == "campaign_member_status")
    told = {"programMember": member, "program": program, "CampaignMember": of_crm}
    many = Many(lake, folder, paired, told, besides=[statuses])
    old = many.marketo["programMember"]
    many.marketo.systems["programMember"] = Members(old.prefix, old.key, old.stamp, many.now, dedupe=old.dedupe)
    leads = many.crm["Lead"]
    many.crm.systems["Lead"] = Leads(leads.prefix, leads.key, leads.stamp, many.now)
    for campaign, program_id, labels in ((CAMPAIGN, 1001, STEPS), (OTHER, 1002, STEPS[:2])):
        many.crm["Campaign"].records[campaign] = {"Id": campaign}
        many.crm["Campaign"].edit(campaign, Name="Fair", Type="Old")
        many.marketo["program"].records[str(program_id)] = {"id": str(program_id)}
        steps = "[" + ", ".join(f'"{step}"' for step in STEPS) + "]"
        many.marketo["program"].edit(str(program_id), name="Fair", channel="Webinar", statuses=steps, periodCost=250)
        for label in labels:
            many.crm["CampaignMemberStatus"].edit(CampaignId=campaign, Label=label)
    return many


def marketo_fields_of(told: list[dict[str, Any]]) -> list[Field]:
    return list(answers.record_fields(Document({"fields": told})))


def person(many: Many, name: str) -> tuple[str, int]:
    """Make a contact; return its id and, once both are linked, that of its person."""
    contact = many.crm["Contact"].edit(LastName=name)
    many.cycle()
    ((found,),) = many.lake.rows(f"select marketo_id from lake.sync.link where crm_id = '{contact}'")
    return contact, int(found)


def test_members_of_a_linked_pair_go_both_ways_and_statuses_only_forward(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-2 to 5, 8, 9, 18, 21 and 22; GEN-15: another campaign's members stay where they are."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN})
    ada, ada_lead = person(many, "Ada")
    bea, bea_lead = person(many, "Bea")
    in_crm, in_marketo = many.crm["CampaignMember"], many.marketo["programMember"]
    adas = in_crm.edit(CampaignId=CAMPAIGN, ContactId=ada, Status="Invited")
    in_crm.edit(CampaignId=OTHER, ContactId=ada, Status="Invited")
    beas = in_marketo.edit(programId=1001, leadId=bea_lead, statusName="Invited")
    in_marketo.edit(programId=1002, leadId=bea_lead, statusName="Invited")
    done = many.settled()
    assert {name: synced.said for name, synced in done.items() if name != "campaign"} == dict.fromkeys(
        done.keys() - {"campaign"}, ""
    )
    assert [many.crm["Campaign"].records[CAMPAIGN][name] for name in ("Type", "ActualCost")] == ["Webinar", 250.0]
    assert many.crm["Campaign"].records[OTHER]["Type"] == "Old"
    assert in_marketo.records[f"1001-{ada_lead}"]["statusName"] == "Invited"
    (new,) = [r for r in in_crm.records.values() if r.get("ContactId") == bea]
    assert (new["CampaignId"], new["Status"], len(in_crm.records), len(in_marketo.records)) == (
        CAMPAIGN,
        "Invited",
        3,
        3,
    )

    in_crm.edit(adas, Status="Attended")
    in_marketo.edit(beas, statusName="Registered")
    many.settled()
    assert in_marketo.records[f"1001-{ada_lead}"]["statusName"] == "Attended"
    assert new["Status"] == "Registered"

    in_crm.edit(adas, Status="Invited")
    many.settled()
    assert (in_crm.records[adas]["Status"], in_marketo.records[f"1001-{ada_lead}"]["statusName"]) == (
        "Invited",
        "Attended",
    )
    skipped = many.lake.rows("select field, crm_value, marketo_value, winner from lake.sync.conflict")
    assert skipped == [("statusName", "Invited", "Attended", "neither")]
    assert many.lake.rows("select * from lake.sync.error where resolved_at is null") == []

    with many.lake.transaction() as con:
        views.refresh(con, VIEWS)
    member_of = many.lake.rows("select crm_id, campaign_id, status from lake.people.campaign order by all")
    assert member_of == [(ada, CAMPAIGN, "Invited"), (ada, OTHER, "Invited"), (bea, CAMPAIGN, "Registered")]
    events = many.lake.rows(
        f"select event, before, after from lake.people.campaign_event where crm_id = '{ada}' "
        f"and campaign_id = '{CAMPAIGN}' order by happened_at nulls first"
    )
    assert events == [
        ("Added to Campaign", None, None),
        ("Status is Changed in Campaign", "Invited", "Attended"),
        ("Status is Changed in Campaign", "Attended", "Invited"),
    ]


def test_a_link_whose_statuses_do_not_match_is_refused_by_name_and_the_others_stand(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-7: who joined before the link was made is looked at once it stands."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN, "1002": OTHER})
    ada, lead = person(many, "Ada")
    many.crm["CampaignMember"].edit(CampaignId=OTHER, ContactId=ada, Status="Invited")
    many.crm["CampaignMemberStatus"].edit(CampaignId=OTHER, Label=None)  # one without a name matches none
    done = many.cycle()
    assert (
        done["campaign"].error
        == f"program 1002 is not linked to campaign {OTHER}: its members have no status 'Attended'"
    )
    links = "select marketo_id from lake.sync.link where pairing = 'campaign' and ended_at is null order by 1"
    assert (many.lake.rows(links), many.marketo["programMember"].records) == ([("1001",)], {})
    many.crm["CampaignMemberStatus"].edit(CampaignId=OTHER, Label="Attended")
    assert many.settled()["campaign"].error == ""
    assert (many.lake.rows(links), list(many.marketo["programMember"].records)) == (
        [("1001",), ("1002",)],
        [f"1002-{lead}"],
    )


def test_a_member_that_becomes_another_persons_is_made_anew_and_the_old_one_stays(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-17: nothing is removed in Marketo where that was not asked for."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN})
    ada, ada_lead = person(many, "Ada")
    bea, bea_lead = person(many, "Bea")
    in_crm, in_marketo = many.crm["CampaignMember"], many.marketo["programMember"]
    member = in_crm.edit(CampaignId=CAMPAIGN, ContactId=ada, Status="Invited")
    many.settled()
    in_crm.edit(member, ContactId=bea)
    many.settled()
    in_crm.edit(member, Status="Attended")
    many.settled()
    found = {i: record["statusName"] for i, record in in_marketo.living.items()}
    assert found == {f"1001-{ada_lead}": "Invited", f"1001-{bea_lead}": "Attended"}
    assert (len(in_crm.records), in_crm.records[member]["ContactId"]) == (1, bea)
    links = "select marketo_id, ended_because from lake.sync.link where pairing = 'campaign_member' order by linked_at"
    assert many.lake.rows(links) == [(f"1001-{ada_lead}", "its key is another one"), (f"1001-{bea_lead}", None)]


def test_who_is_removed_from_a_campaign_is_removed_from_its_program_only_where_that_is_chosen(
    lake: Lake, tmp_path: Path
) -> None:
    """SF-CAMP-17."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN})
    leads = []
    for removes in (False, True):
        ada, lead = person(many, "Ada")
        leads.append(f"1001-{lead}")
        many.pairings = pairings_of({"1001": CAMPAIGN}, removes=removes)
        member = many.crm["CampaignMember"].edit(CampaignId=CAMPAIGN, ContactId=ada, Status="Invited")
        many.cycle()
        many.crm["CampaignMember"].delete(member)
        many.cycle()
    assert list(many.marketo["programMember"].records) == leads
    assert list(many.marketo["programMember"].living) == leads[:1]


def test_what_a_native_sync_keeps_is_left_to_it(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-20: a program that it ties to a campaign is not linked; the statuses that it manages are not written."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN, "1002": OTHER})
    many.crm["CampaignMemberStatus"].edit(CampaignId=OTHER, Label="Attended")
    many.marketo["program"].edit("1002", sfdcId=OTHER)
    ada, lead = person(many, "Ada")
    for campaign in (CAMPAIGN, OTHER):
        many.crm["CampaignMember"].edit(CampaignId=campaign, ContactId=ada, Status="Invited")
    done = many.cycle()
    said = f"program 1002 is not linked to campaign {OTHER}: a native sync ties it to campaign {OTHER}"
    assert (done["campaign"].error, list(many.marketo["programMember"].records)) == (said, [f"1001-{lead}"])
    many.settled()

    told = many.described["marketo", "programMember"]
    status = next(field for field in told.fields if field.name == "statusName")
    (managed,) = marketo_fields_of([{"name": "statusName", "dataType": "string", "crmManaged": True}])
    assert managed.managed
    fields = tuple(replace(field, managed=True) if field == status else field for field in told.fields)
    many.described["marketo", "programMember"] = replace(told, fields=fields)
    (member,) = (i for i, m in many.crm["CampaignMember"].records.items() if m["CampaignId"] == CAMPAIGN)
    many.crm["CampaignMember"].edit(member, Status="Attended")
    many.cycle()
    assert many.marketo["programMember"].records[f"1001-{lead}"]["statusName"] == "Invited"
    assert ("NOT_WRITABLE",) in many.lake.rows("select code from lake.sync.error where resolved_at is null")


def test_what_the_org_does_not_take_of_members_is_tried_again_or_on_record(lake: Lake, tmp_path: Path) -> None:
    """OPS-7, OPS-17, OPS-20: also while a member of somebody unknown waits, who has no id in the CRM."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN})
    ada, ada_lead = person(many, "Ada")
    _, bea_lead = person(many, "Bea")
    in_crm, in_marketo = many.crm["CampaignMember"], many.marketo["programMember"]
    adas = in_crm.edit(CampaignId=CAMPAIGN, ContactId=ada, Status="Invited")
    many.settled()
    in_marketo.edit(programId=1001, leadId=999, statusName="Invited")
    beas = in_marketo.edit(programId=1001, leadId=bea_lead, statusName="Invited")
    in_marketo.edit(f"1001-{ada_lead}", statusName="Attended")
    no = (Answer(Verdict.RETRY, code="UNABLE_TO_LOCK_ROW"), Answer(Verdict.REJECTED, code="INVALID_STATUS"))
    in_crm.refuse = lambda record: no[record.id is None]
    many.cycle()
    errors = "select record_id, code from lake.sync.error where resolved_at is null"
    assert many.lake.rows(errors) == [(beas, "INVALID_STATUS")]
    in_crm.refuse = lambda _: None
    many.cycle()
    assert (len(in_crm.records), many.lake.rows(errors)) == (1, [(beas, "INVALID_STATUS")])  # nothing has changed
    with many.lake.transaction() as con:
        assert retry(con, many.pairings, [beas], many.now()) == 1
    many.cycle()
    assert sorted(str(record["Status"]) for record in in_crm.records.values()) == ["Attended", "Invited"]
    assert (in_crm.records[adas]["Status"], many.lake.rows(errors)) == ("Attended", [])


def stranger(many: Many, program: int, **values: Value) -> str:
    """Make a person whom only Marketo knows, a member of a program; return the person's id."""
    lead = many.marketo["lead"].edit(None, **values)
    many.marketo["programMember"].edit(programId=program, leadId=int(lead), statusName="Invited")
    return lead


def test_members_of_a_linked_program_whom_the_crm_does_not_know_become_leads(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-6, GEN-11, CONN-18: when it is linked and when they join; by a plan, within limits, and refusals stay."""
    given = {"LastName": "Unknown", "Company": "Unknown"}
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN}, leads=given)
    mira = stranger(many, 1001, lastName="Mira", firstName="M", email="m@x.example", company="Mill")
    nameless = stranger(many, 1001, email="n@x.example")
    elsewhere = stranger(many, 1002, lastName="Else")
    leads, members = many.crm["Lead"], many.crm["CampaignMember"]
    assert many.cycle()["lead"].said == ""  # the link is made
    assert many.sync(apply=False)["lead"].planned.to_crm == 2
    refused = many.sync(rules=SyncPolicy(limits=Limits(writes=1)))["lead"].error
    assert refused.startswith("lead: 2 writes to crm are more than the limit of 1; nothing is done about lead")
    assert leads.records == {}
    many.settled()
    made = {record["Email"]: [record[name] for name in given] for record in leads.records.values()}
    assert made == {"m@x.example": ["Mira", "Mill"], "n@x.example": ["Unknown", "Unknown"]}
    assert sorted(str(member["LeadId"]) for member in members.records.values()) == sorted(leads.records)
    links = "select marketo_id from lake.sync.link where pairing = 'lead' and ended_at is null order by 1"
    assert many.lake.rows(links) == [(mira,), (nameless,)]
    assert many.marketo["lead"].records[mira]["externalPersonId"] in leads.records

    many.marketo["programMember"].edit(programId=1001, leadId=int(elsewhere), statusName="Invited")
    no = Answer(Verdict.REJECTED, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="Not now")
    leads.refuse = lambda _: no
    many.cycle()
    leads.refuse = lambda _: None
    many.cycle()
    errors = "select record_id, message from lake.sync.error where resolved_at is null"
    assert (many.lake.rows(errors), len(leads.records)) == ([(elsewhere, "Not now")], 2)
    many.marketo["lead"].edit(elsewhere, phone="1")
    many.settled()
    assert (many.lake.rows(errors), len(leads.records), len(members.records)) == ([], 3, 3)


@pytest.mark.parametrize("arrived", [True, pytest.param(False, marks=pytest.mark.bench)])
def test_a_member_s_lead_is_made_once_though_the_answer_is_lost(lake: Lake, tmp_path: Path, arrived: bool) -> None:
    """SF-CAMP-6, GEN-16: it is found among those read since, one for each of two people alike, or made later."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN}, leads={"Company": "Unknown"})
    twins = [stranger(many, 1001, lastName="Twin", email="Twin@x.example") for _ in range(2)]
    people = [*twins, stranger(many, 1001, lastName="Mira")]
    many.cycle()
    leads = many.crm["Lead"]

    def lose() -> None:
        raise UnknownOutcomeError("ConnectionError", "the connection broke")

    setattr(leads, "after" if arrived else "before", lose)
    assert "the connection broke" in many.cycle()["lead"].error
    leads.before = leads.after = lambda: None
    other = leads.edit(LastName="Other", Company="C")
    many.cycle()
    assert len(leads.records) == (4 if arrived else 1)
    many.cycle()
    many.settled()
    links = dict(many.lake.rows("select marketo_id, crm_id from lake.sync.link where pairing = 'lead'"))
    assert set(links.values()) == leads.records.keys()
    assert {str(leads.records[links[one]]["LastName"]) for one in people} == {"Twin", "Mira"}
    assert (len(links), len(many.marketo["lead"].records), other in links.values()) == (4, 4, True)
    assert len(many.crm["CampaignMember"].records) == 3


def test_chosen_fields_of_members_follow_one_another_from_then_on_until_one_is_another(
    lake: Lake, tmp_path: Path
) -> None:
    """SF-CAMP-14 to 16: what they hold already stays as it is; a new member brings all; types must be equal."""
    links, chosen = {"1001": CAMPAIGN}, {"Lunch__c": "lunch", "Seats__c": "seats"}
    many = many_of(lake, tmp_path / "landing", links)
    ada, lead = person(many, "Ada")
    _, bea = person(many, "Bea")
    in_crm, in_marketo = many.crm["CampaignMember"], many.marketo["programMember"]
    adas = in_crm.edit(CampaignId=CAMPAIGN, ContactId=ada, Status="Invited", Lunch__c="fish")
    many.cycle()
    in_marketo.edit(f"1001-{lead}", lunch="meat")

    def lunches() -> tuple[Value, Value]:
        return in_crm.records[adas]["Lunch__c"], in_marketo.records[f"1001-{lead}"]["lunch"]

    many.pairings = pairings_of(links, fields=chosen)
    many.cycle()
    many.cycle()
    assert lunches() == ("fish", "meat")
    notices = "select kind, field, message from lake.sync.notice where object = 'campaign_member' order by noted_at"
    unfit = "Seats__c (double) and seats (integer) are not of the same type: they are not synced"
    in_crm.edit(adas, Lunch__c="soup", Seats__c=2.0)
    in_marketo.edit(programId=1001, leadId=bea, statusName="Invited", lunch="pie")
    told = many.cycle()["campaign_member"].notices
    assert [notice.message for notice in told if notice.field == "Seats__c"] == [unfit]
    assert lunches() == ("soup", "soup")
    assert [one["Lunch__c"] for i, one in in_crm.records.items() if i != adas] == ["pie"]
    in_marketo.edit(f"1001-{lead}", lunch="tea")
    many.cycle()
    assert lunches() == ("tea", "tea")
    assert in_marketo.records[f"1001-{lead}"].get("seats") is None

    key = ("salesforce", "CampaignMember")
    fields = (replace(f, type="picklist") if f.name == "Lunch__c" else f for f in many.described[key].fields)
    many.described[key] = replace(many.described[key], fields=tuple(fields))
    in_marketo.edit(f"1001-{lead}", lunch="jam")
    many.cycle()
    many.cycle()
    ended = "Lunch__c and lunch are not synced any more: Lunch__c was string and is picklist"
    assert many.lake.rows(notices) == [("ended_mapping", "Lunch__c", ended)]
    assert lunches() == ("tea", "jam")
    for fields_chosen in ({}, chosen):
        many.pairings = pairings_of(links, fields=fields_chosen)
        many.cycle()
    in_crm.edit(adas, Lunch__c="rye")
    many.cycle()
    assert lunches() == ("rye", "rye")


def test_settings_pair_at_most_twenty_fields_of_members() -> None:
    """SF-CAMP-14."""
    some = [f"F{n}__c=f{n}" for n in range(21)]
    given = Settings(_env_file=None, sync_member_fields=",".join(some[:20])).sync_member_fields
    assert (len(given), given["F0__c"]) == (20, "f0")
    for wrong in (",".join(some), "A__c=a,B__c=a", "A__c", "A__c=", "A__c=a=b"):
        with pytest.raises(ValidationError):
            Settings(_env_file=None, sync_member_fields=wrong)
    numbers = [Field("N__c", "double", scale=scale) for scale in (0, 2)]
    fits = [[is_alike(one, Field("n", kind)) for kind in ("integer", "float", "string")] for one in numbers]
    assert fits == [[True, False, False], [False, True, False]]
    texts = ("string", "picklist", "multipicklist", "phone", "email", "reference")
    assert all(is_alike(Field("T__c", kind), Field("t", "string")) for kind in texts)


def test_settings_link_a_program_to_one_campaign_and_back() -> None:
    """SF-CAMP-1 and 3."""
    assert Settings(_env_file=None).sync_campaigns == {}
    assert catalog.campaign_pairings({}) == ()
    given = Settings(_env_file=None, sync_campaigns=f"1001={CAMPAIGN}, 1002={OTHER[:15]}")
    assert catalog.campaign_pairings(given.sync_campaigns)[0].given == ((CAMPAIGN, "1001"), (OTHER, "1002"))
    for wrong in (f"1001={CAMPAIGN},1002={CAMPAIGN}", f"1001={CAMPAIGN},1001={OTHER}", "1001", "1001=003000000000001"):
        with pytest.raises(ValidationError):
            Settings(_env_file=None, sync_campaigns=wrong)


def test_a_member_s_lead_is_made_without_what_does_not_fit_and_not_at_all_without_what_it_needs(
    lake: Lake, tmp_path: Path
) -> None:
    """SF-CAMP-6, GEN-16, CONN-18: also where the CRM blames the field, and the answer to the second try is lost."""
    many = many_of(lake, tmp_path / "landing", {"1001": CAMPAIGN}, leads={"LastName": "Unknown", "Company": "Unknown"})
    rules, leads = SyncPolicy(truncates=False), many.crm["Lead"]
    nameless = stranger(many, 1001, lastName="x" * 100)
    mailless = stranger(many, 1001, lastName="Mira", email="m at x")
    phoneless = stranger(many, 1001, lastName="Nora", phone="666", email="n@x.example")
    said = blamed(["Phone", "Email"], "RULE", "no")

    def refuse(record: Record) -> Answer | None:
        if record.values.get("Phone") == "666":
            return Answer(Verdict.REJECTED, code="RULE", message="no", blames=said)
        if record.values.get("LastName") == "Nora":
            leads.after = lose
        return None

    def lose() -> None:
        leads.after = lambda: None
        raise UnknownOutcomeError("ConnectionError", "the connection broke")

    leads.refuse = refuse
    many.cycle(rules)
    assert "the connection broke" in many.cycle(rules)["lead"].error
    leads.refuse = lambda record: None
    for _ in range(5):
        many.cycle(rules)
    made = {record["LastName"]: (record.get("Email"), record.get("Phone")) for record in leads.records.values()}
    assert (made, len(leads.records)) == ({"Mira": (None, None), "Nora": (None, None)}, 2)
    links = dict(
        many.lake.rows("select marketo_id, crm_id from lake.sync.link where pairing = 'lead' and ended_at is null")
    )
    assert links.keys() == {mailless, phoneless}
    errors = (
        "select record_id, field, code from lake.sync.error where resolved_at is null and object = 'lead' order by all"
    )
    assert set(many.lake.rows(errors)) == {
        (nameless, "LastName", "TOO_LONG"),
        (nameless, None, "NOT_CREATED"),
        (links[mailless], "Email", "BAD_EMAIL"),
        (links[phoneless], "Phone", "RULE"),
        (links[phoneless], "Email", "RULE"),
    }
    before = len(many.crm.order)
    many.cycle(rules)
    assert len(many.crm.order) == before
    many.marketo["lead"].edit(nameless, lastName="Olga")
    for _ in range(3):
        many.cycle(rules)
    assert nameless in dict(many.lake.rows("select marketo_id, crm_id from lake.sync.link where pairing = 'lead'"))
