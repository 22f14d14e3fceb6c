"""Both real connectors against both sandboxes: a seller and a marketer edit the same people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.assembly import systems
from sync_pipeline.connectors.records import Operation, Record, Verdict
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import SUCCEEDED, Object, Pairing
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.salesforce.rules.convert import Conversion, convert
from sync_pipeline.settings import Settings
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.sync_pass import Pass, Side, describes
from sync_pipeline_tests.marketo import OBJECTS, connected, declared

PAIRINGS = catalog.pairings()


class Both:
    """An org and a Marketo subscription with one clock, mirrored into one lake and synced both ways."""

    def __init__(
        self,
        opened: ExitStack,
        lake: Lake,
        landing: Path,
        pairings: Sequence[Pairing] = PAIRINGS,
        schema: Schema | None = None,
        besides: Sequence[Object] = (),
    ) -> None:
        """Open them; `besides` are objects of the CRM that are mirrored, and not paired."""
        self.system = opened.enter_context(connected())
        self.clock = self.system.clock
        self.org = opened.enter_context(Org.open(None, schema, self.clock))
        self.sandbox = opened.enter_context(Sandbox(self.org))
        settings = Settings(_env_file=None, **{k.lower(): v for k, v in self.sandbox.env().items()})  # type: ignore[arg-type]
        self.salesforce = systems.salesforce(settings)
        self.lake, self._landing, self._passes = lake, landing, 0
        self.pairings = pairings
        self.ingest_from = 2_000
        self._crm = (*besides, *{p.crm.title: p.crm for p in pairings}.values())
        paired = {p.marketo.title: p.marketo for p in pairings}
        self._marketo = tuple(paired.pop(obj.title) for obj in OBJECTS if obj.title in paired) + tuple(paired.values())

    def cycle(self) -> dict[str, Synced]:
        """Read both systems, decide, and write; nothing may fail."""
        policy = Policy(retry_wait=0.01)
        for connector, objects in ((self.salesforce, self._crm), (self.system.marketo, self._marketo)):
            self.clock.pass_seconds(300)
            self.salesforce.names()  # any answer tells the connector what time it is now
            done = runs.sync(Source(self.lake, connector, self._landing, policy), objects)
            assert (done.status, done.message) == (SUCCEEDED, "")
        self._passes += 1
        sides: dict[str, Side] = {
            "crm": SalesforceWriter(self.salesforce, first_wait=0.01, ingest_from=self.ingest_from),
            "marketo": self.system.marketo,
        }
        told = describes(self.lake, (self.salesforce.system, "marketo"))
        run = Pass(self.lake, self.pairings, told, f"pass{self._passes}", SyncPolicy(), sides)
        return {synced.pairing.name: synced for synced in run.run(self.clock())}

    def person(self, crm_id: str) -> dict[str, Any]:
        (found,) = self.system.subscription.rows('from lead where "externalPersonId" = ?', [crm_id])
        return found

    def writes(self) -> int:
        """Return how many records were written to either system so far."""
        return int(self.lake.rows("select count(*) from lake.sync.write_result where verdict = 'accepted'")[0][0])


@pytest.fixture
def both(real_lake: Lake, tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as opened:
        yield Both(opened, real_lake, tmp_path / "landing")


def test_people_of_a_crm_become_people_companies_and_sales_persons_and_follow_both_ways(both: Both) -> None:
    """SF-LEAD-1 to 4 and 13, SF-CONTACT-1 to 3 and 9, SF-ACCOUNT-8 and 9, SF-USER-1, 4 and 8, CONN-20, GEN-11 and 15.

    An address that is there already makes nobody one: DEDUP-1, 3 and 5. An opportunity comes along: SF-OPP-1, 3 and 10.
    What the sync user does not see takes no part: FILT-1.
    """
    both.org.hide_records("Contact", "LastName = 'Secret'", both.org.user_id)
    both.org.hide_field("Contact", "Fax", both.org.user_id)
    mail = "seller@crm.example"
    (seller,) = both.org.insert("User", [{"LastName": "Seller", "Email": mail, "Username": mail}])
    (queue,) = both.org.insert("Group", [{"Name": "Inbound", "Type": "Queue"}])
    (acme,) = both.org.insert("Account", [{"Name": "Acme", "OwnerId": seller, "Industry": "Energy"}])
    same = {"Email": "ada@x.example", "OwnerId": seller}
    ada, twin = both.org.insert(
        "Contact", [{"LastName": "Ada", "AccountId": acme, "Fax": "2", **same}, {"LastName": "Twin", **same}]
    )
    both.org.insert("Contact", [{"LastName": "Secret"}])
    (lead,) = both.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee Ltd", "OwnerId": queue, "Phone": "1"}])
    (deal,) = both.org.insert(
        "Opportunity",
        [{"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2027-01-31", "Amount": 10, "AccountId": acme}],
    )
    both.org.insert("OpportunityContactRole", [{"OpportunityId": deal, "ContactId": ada, "Role": "Decision Maker"}])
    (stranger,) = both.system.create("ada@x.example", lastName="Stranger")
    done = both.cycle()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")

    person = both.person(ada)
    assert (person["lastName"], person["externalCompanyId"], person["externalSalesPersonId"]) == ("Ada", acme, seller)
    assert both.person(twin)["id"] not in (person["id"], stranger)
    assert person["fax"] is None
    assert len(both.system.subscription.rows("from lead")) == 4
    assert (both.person(lead)["phone"], both.person(lead)["externalSalesPersonId"]) == ("1", None)
    (company,) = both.system.subscription.rows("from company")
    assert (company["company"], company["industry"], company["externalSalesPersonId"]) == ("Acme", "Energy", seller)
    (opportunity,) = both.system.subscription.rows("from opportunity")
    assert (opportunity["externalOpportunityId"], opportunity["externalCompanyId"]) == (deal, acme)
    (role,) = both.system.subscription.rows('from "opportunityRole"')
    assert (role["externalOpportunityId"], role["leadId"], role["role"]) == (deal, person["id"], "Decision Maker")

    both.cycle()  # Marketo has noted where its new people came from, which the CRM is told once (CONN-20)
    assert (both.org.record("Contact", ada) or {})["mkto71_Original_Source_Type__c"] == "Web service API"
    settled = both.writes()
    assert {n: s.said for n, s in both.cycle().items()} == dict.fromkeys(done, "")
    assert both.writes() == settled

    both.system.update(both.person(lead)["id"], phone="2", leadScore=7)
    both.org.update("Contact", ada, {"Title": "Dr"})
    for _ in range(3):
        both.cycle()
    assert both.writes() == settled + 2
    changed = both.org.record("Lead", lead) or {}
    assert (changed["Phone"], both.person(ada)["title"]) == ("2", "Dr")


@pytest.mark.bench
def test_a_conflict_goes_to_marketo_for_a_lead_and_to_the_crm_for_a_contact(both: Both) -> None:
    """SF-LEAD-2, SF-CONTACT-3."""
    (lead,) = both.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee", "Phone": "1"}])
    (contact,) = both.org.insert("Contact", [{"LastName": "Ada", "Phone": "1"}])
    for _ in range(2):
        both.cycle()
    both.org.update("Lead", lead, {"Phone": "2"})
    both.org.update("Contact", contact, {"Phone": "2"})
    for crm_id in (lead, contact):
        both.system.update(both.person(crm_id)["id"], phone="3")
    done = both.cycle()
    assert (done["lead"].planned.conflicts, done["contact"].planned.conflicts) == (1, 1)
    both.cycle()
    found = {name: (both.org.record(name, one) or {})["Phone"] for name, one in (("Lead", lead), ("Contact", contact))}
    assert found == {"Lead": "3", "Contact": "2"}
    assert (both.person(lead)["phone"], both.person(contact)["phone"]) == ("3", "2")


@pytest.mark.bench
def test_what_a_validation_rule_refuses_is_on_record_in_the_org_s_own_words(both: Both) -> None:
    """SF-LEAD-8, SF-CONTACT-8."""
    (contact,) = both.org.insert("Contact", [{"LastName": "Ada", "Phone": "1"}])
    for _ in range(2):
        both.cycle()

    both.org.rules.validate("Contact", lambda record: "6" in (record.get("Phone") or ""), "No sixes, please")
    both.system.update(both.person(contact)["id"], phone="666")
    done = both.cycle()
    assert done["contact"].rejected == 1
    errors = both.lake.rows("select object, record_id, code, message from lake.sync.error where resolved_at is null")
    assert errors == [("contact", contact, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No sixes, please")]


@pytest.mark.bench
def test_merges_and_conversions_on_either_side_are_followed_on_the_other(both: Both) -> None:
    """CONV-1, CONV-2, MERGE-1 to 4, MERGE-13, DEL-4, over both systems' own interfaces."""
    (acme,) = both.org.insert("Account", [{"Name": "Acme"}])
    contacts = [
        {"LastName": f"Ada {n}", "AccountId": acme} for n in range(5)
    ]  # who has none is converted into by nobody
    kept, merged, won, lost, joined = both.org.insert("Contact", contacts)
    lead, into = both.org.insert("Lead", [{"LastName": f"Bea {n}", "Company": "Bee"} for n in range(2)])
    for _ in range(2):
        both.cycle()
    people = {one: both.person(one)["id"] for one in (kept, merged, won, lost, joined, lead, into)}
    for one in (kept, merged):
        both.system.update(people[one], leadScore=10)
    both.cycle()

    both.org.merge("Contact", kept, [merged])
    became = convert(both.org, Conversion(lead, "Closed - Converted", without_opportunity=True)).contact
    merges = [Record(str(people[lost]), {}, str(people[won])), Record(str(people[joined]), {}, str(people[into]))]
    answers = both.system.marketo.write(declared("person"), Operation.MERGE, merges)
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 2
    said = [{name: synced.said for name, synced in both.cycle().items() if synced.said} for _ in range(3)]

    errors = both.lake.rows("select object, code, message from lake.sync.error where resolved_at is null")
    assert (said, errors) == ([{}, {}, {}], [])
    assert (both.person(kept)["id"], both.person(kept)["leadScore"]) == (people[kept], 20)
    assert both.person(became)["id"] == people[lead]
    assert both.person(joined)["id"] == people[into]
    assert both.person(won)["id"] == people[won]
    assert (both.org.record("Contact", lost) or {})["MasterRecordId"] == won
    assert (both.org.record("Lead", into) or {})["ConvertedContactId"] == joined
    assert len(both.system.subscription.rows("from lead")) == 4
    settled = both.writes()
    both.cycle()
    assert both.writes() == settled


@pytest.mark.matrix
@pytest.mark.parametrize("bulk", [False, True])
def test_a_record_made_anew_is_not_subscribed_where_its_address_had_said_no(both: Both, bulk: bool) -> None:
    """DEL-9, UNSUB-2, law 13: by whichever interface its person is made, and the CRM hears of it in the next cycle."""
    (gone, here) = both.system.create("gone@x.example", "here@x.example", unsubscribed=True)
    both.system.marketo.write(declared("person"), Operation.DELETE, [Record(str(gone), {})])
    if bulk:
        both.system.marketo = both.system.connect(import_from=1)
    mails = ("gone@x.example", "here@x.example", "new@x.example")
    contacts = both.org.insert("Contact", [{"LastName": "Ada", "Email": mail} for mail in mails])
    for _ in range(3):
        both.cycle()
    found = [(both.person(one), both.org.record("Contact", one) or {}) for one in contacts]
    said = [(person["unsubscribed"], contact["HasOptedOutOfEmail"]) for person, contact in found]
    assert said == [(True, True), (True, True), (False, False)]
    (stranger,) = both.system.subscription.rows("from lead where id = ?", [here])
    assert stranger["unsubscribed"] is True


@pytest.mark.matrix
@pytest.mark.parametrize("ingest_from", [2_000, 1], ids=["by REST", "by bulk"])
def test_an_address_that_the_org_puts_in_lower_case_stays_as_the_marketer_wrote_it(
    both: Both, ingest_from: int
) -> None:
    """Law 3: the org's form of our write is no edit, is noted once, and a seller's edit still is one."""
    both.ingest_from = ingest_from
    (lead,) = both.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee Ltd", "Email": "bea@x.example"}])
    for _ in range(2):
        both.cycle()
    both.system.update(both.person(lead)["id"], email="Ada@X.example")
    before = both.writes()
    for _ in range(3):
        both.cycle()
    with both.org.cursor() as cursor:
        ((email,),) = cursor.execute('select "Email" from "Lead" where "Id" = ?', [lead]).fetchall()
    assert (email, both.person(lead)["email"]) == ("ada@x.example", "Ada@X.example")
    assert both.writes() == before + 1
    assert both.lake.rows("select field, crm_value, marketo_value, winner from lake.sync.conflict") == [
        ("email", "ada@x.example", "Ada@X.example", "neither")
    ]
    both.org.update("Lead", lead, {"Email": "eve@x.example"})
    both.cycle()
    assert both.person(lead)["email"] == "eve@x.example"


FORMS = {
    "cut": ("Ada of Lovelace", "Ada of Lov"),
    "lower": ("Ada", "ada"),
    "trim": ("a b", "ab"),
    "reorder": ("Wine;Beer", "Beer;Wine"),
    "round": ("12.347", "12.3"),
    "phone": ("(030) 123-45", "03012345"),
}


@pytest.mark.matrix
@pytest.mark.parametrize("bulk", [False, pytest.param(True, marks=pytest.mark.bench)], ids=["by REST", "by bulk"])
@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("form", [f if f == "phone" else pytest.param(f, marks=pytest.mark.bench) for f in FORMS])
def test_a_form_that_a_system_makes_of_our_write_on_command_is_not_sent_back(
    both: Both, form: str, side: str, bulk: bool
) -> None:
    """Law 3: by REST, Bulk API 2.0 and import, into either system."""
    if bulk:
        both.ingest_from, both.system.marketo = 1, both.system.connect(import_from=1)
    sent, kept = FORMS[form]
    (lead,) = both.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee Ltd"}])
    for _ in range(2):
        both.cycle()
    both.sandbox.faults.add("normalise", object="Lead", field="Phone", form=form) if side == "crm" else (
        both.system.sandbox.faults.add("normalise", field="phone", form=form)
    )
    if side == "crm":
        both.system.update(both.person(lead)["id"], phone=sent)
    else:
        both.org.update("Lead", lead, {"Phone": sent})
    before = both.writes()
    for _ in range(3):
        both.cycle()
    found = (both.org.record("Lead", lead) or {})["Phone"], both.person(lead)["phone"]
    assert found == ((kept, sent) if side == "crm" else (sent, kept))
    assert both.writes() == before + 1
