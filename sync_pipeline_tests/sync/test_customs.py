"""Custom objects: chosen by settings, fitted to what both systems describe, copied to Marketo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipeline import catalog
from sync_pipeline.assembly import declarations
from sync_pipeline.catalog import marketo
from sync_pipeline.catalog.pairings import PERSON_KEY
from sync_pipeline.catalog.salesforce import declare
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.marketo.answers import record_fields
from sync_pipeline.connectors.marketo.kinds import FATE
from sync_pipeline.connectors.records import Answer, Value, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.model import Describe, Direction, Field, Mapping, Pairing
from sync_pipeline.settings import Settings
from sync_pipeline.sync.mapping.custom_objects import UnfitError, fitted
from sync_pipeline_tests.sync.many import MARKETO, Many, marketo_fields

SYSTEM = (
    {"name": "marketoGUID", "dataType": "string", "length": 36, "updateable": False},
    {"name": "createdAt", "dataType": "datetime", "updateable": False},
    {"name": "updatedAt", "dataType": "datetime", "updateable": False},
)
INVOICE = {
    "dedupeFields": ["sfdcId"],
    "relationships": [
        {"field": "person", "type": "child", "relatedTo": {"name": "Lead", "field": "Id"}},
        {"field": "company", "type": "child", "relatedTo": {"name": "Company", "field": "externalCompanyId"}},
    ],
    "fields": [
        *SYSTEM,
        {"name": "sfdcId", "dataType": "string", "length": 255, "updateable": False},
        {"name": "person", "dataType": "integer"},
        {"name": "company", "dataType": "string", "length": 255},
        {"name": "amount", "dataType": "currency"},
        {"name": "invoiceDate", "dataType": "date"},
        {"name": "paid", "dataType": "boolean"},
        {"name": "remarks", "dataType": "text"},
    ],
}
LINE = {
    "dedupeFields": ["crmId"],
    "relationships": [{"field": "invoice", "type": "child", "relatedTo": {"name": "invoice_c", "field": "sfdcId"}}],
    "fields": [
        *SYSTEM,
        {"name": "crmId", "dataType": "string", "length": 36, "updateable": False},
        {"name": "invoice", "dataType": "string", "length": 255},
        {"name": "quantity", "dataType": "float"},
    ],
}
CRM_LINE = Describe(
    "Invoice_Line__c",
    (
        Field("Id", "id"),
        Field("SystemModstamp", "datetime"),
        Field("IsDeleted", "boolean"),
        Field("Bill__c", "reference", reference_to=("Invoice__c",)),
        Field("Quantity__c", "double"),
    ),
)
DESCRIBED = {
    "invoice_c": Describe("invoice_c", tuple(record_fields(Document(INVOICE)))),
    "invoiceLine_c": Describe("invoiceLine_c", tuple(record_fields(Document(LINE)))),
    "Invoice_Line__c": CRM_LINE,
}


def chosen(crm: str, marketo: str) -> tuple[Pairing, ...]:
    """Return what settings choose: accounts, contacts and the custom objects."""
    settings = Settings(
        _env_file=None,
        salesforce_client_id="app",
        salesforce_client_secret="secret",
        marketo_url="http://127.0.0.1:1",
        sync_custom_objects=crm,
        marketo_custom_objects=marketo,
    )
    return tuple(p for p in declarations.pairings(settings) if p.custom or p.name in ("account", "contact"))


def test_custom_objects_one_and_two_levels_away_are_chosen_by_settings_alone(lake: Lake, tmp_path: Path) -> None:
    """SF-CO-1, 2, 4, 6, 10 and 15, FIELD-11; law 2: what was there before is copied, then what changes."""
    pairings = chosen("Invoice__c,Invoice_Line__c,Product_Interest__c", "invoiceLine_c, invoice_c")
    assert [p.name for p in pairings] == ["account", "contact", "invoice__c", "invoice_line__c"]
    many = Many(lake, tmp_path / "landing", pairings, DESCRIBED)
    account = many.crm["Account"].edit(Name="Acme")
    contact = many.crm["Contact"].edit(LastName="Ada", AccountId=account)
    bill = many.crm["Invoice__c"].edit(
        Account__c=account, Contact__c=contact, Amount__c=12.5, Paid__c=True, Invoice_Date__c="2026-01-31"
    )
    many.crm["Invoice_Line__c"].edit(Bill__c=bill, Quantity__c=3.0)
    done = many.settled()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    (person,) = many.marketo_values("lead", "id")[0]
    names = ("sfdcId", "person", "company", "amount", "invoiceDate", "paid")
    assert many.marketo_values("invoice_c", *names) == [(bill, int(str(person)), account, 12.5, "2026-01-31", True)]
    assert many.marketo_values("invoiceLine_c", "invoice", "quantity") == [(bill, 3.0)]

    many.pairings = many.pairings[:2]  # switched off: what is there stays as it is
    many.crm["Invoice__c"].edit(bill, Paid__c=False)
    many.cycle()
    assert many.marketo_values("invoice_c", "paid") == [(True,)]
    many.pairings = pairings
    many.cycle()
    assert many.marketo_values("invoice_c", "paid") == [(False,)]


def test_a_custom_object_waits_for_its_person_and_is_made_once(lake: Lake, tmp_path: Path) -> None:
    """SF-CO-6: whoever is imported in bulk, or refused for a while, has no id of Marketo's yet."""
    many = Many(lake, tmp_path / "landing", chosen("Invoice__c", "invoice_c"), DESCRIBED)
    contact = many.crm["Contact"].edit(LastName="Ada")
    many.crm["Invoice__c"].edit(Contact__c=contact, Amount__c=1.0)
    many.crm["Invoice__c"].edit(Amount__c=2.0)  # nobody's, so it waits for nobody
    many.marketo["lead"].refuse = lambda _: Answer(Verdict.RETRY, code="NO", message="not now")
    many.cycle()
    assert many.marketo_values("invoice_c", "person", "amount") == [(None, 2.0)]
    many.marketo["lead"].refuse = lambda _: None
    many.settled()
    assert many.marketo_values("invoice_c", "person", "amount") == [(1, 1.0), (None, 2.0)]
    assert len(many.marketo["invoice_c"].writes) == 2


def test_a_copy_that_marketo_shows_hourly_follows_each_change_at_once(lake: Lake, tmp_path: Path) -> None:
    """SF-CO-1 and 14: a second change within the hour, one back to the first value, and the deletion of the record."""
    many = Many(lake, tmp_path / "landing", chosen("Invoice__c", "invoice_c"), DESCRIBED)
    contact = many.crm["Contact"].edit(LastName="Ada")
    bill = many.crm["Invoice__c"].edit(Contact__c=contact, Amount__c=1.0)
    many.settled()
    every_cycle = [source for source in (*many.crm.systems, *many.marketo.systems) if source != "invoice_c"]

    def follow(**values: float) -> list[tuple[Value, ...]]:
        many.crm["Invoice__c"].edit(bill, **values)
        many.read(*every_cycle)
        many.sync()
        return many.marketo_values("invoice_c", "amount")

    assert [follow(Amount__c=amount) for amount in (2.0, 3.0, 1.0)] == [[(2.0,)], [(3.0,)], [(1.0,)]]
    new = many.crm["Invoice__c"].edit(Contact__c=contact, Amount__c=7.0)
    many.read(*every_cycle)
    many.sync()
    many.crm["Invoice__c"].delete(bill)
    many.crm["Invoice__c"].edit(new, Amount__c=8.0)
    many.read(*every_cycle)
    many.sync()
    assert many.marketo_values("invoice_c", "sfdcId", "amount") == [(new, 8.0)]
    many.settled()
    assert many.marketo_values("invoice_c", "sfdcId", "amount") == [(new, 8.0)]


def test_one_declaration_in_one_file_adds_an_object_that_nothing_else_names(lake: Lake, tmp_path: Path) -> None:
    """No module knows of cases; this declaration alone has them read, decided on, written, remembered."""
    mapped = [
        Mapping("ContactId", "person", "Person", Direction.CRM_TO_MARKETO, refers_to=("contact",)),
        Mapping("Subject", "remarks", "Subject", Direction.CRM_TO_MARKETO),
    ]
    case = declare("Case", "case", "A row is one case.", mappings=tuple(mapped))
    cases = Pairing(case, marketo.custom("invoice_c"), "sfdcId", case.mappings, deletes=True)
    fields = (
        *CRM_LINE.fields[:3],
        Field("ContactId", "reference", reference_to=("Contact",)),
        Field("Subject", "string", length=255),
    )
    described = {**DESCRIBED, "Case": Describe("Case", fields)}
    many = Many(lake, tmp_path / "landing", (*chosen("", ""), cases), described)
    ada = many.crm["Contact"].edit(LastName="Ada")
    first, second = (many.crm["Case"].edit(ContactId=ada, Subject=subject) for subject in ("A", "B"))
    many.settled()
    many.crm["Case"].edit(first, Subject="C")
    many.crm["Case"].delete(second)
    many.settled()
    (person,) = many.marketo_values("lead", "id")[0]
    assert many.marketo_values("invoice_c", "sfdcId", "person", "remarks") == [(first, int(str(person)), "C")]


def test_what_happens_to_custom_objects_is_a_view_by_whom_they_belong_to(lake: Lake, tmp_path: Path) -> None:
    """SF-CO-9: what was there before the first load is no event."""
    many = Many(lake, tmp_path / "landing", chosen("Invoice__c", "invoice_c"), DESCRIBED)
    account = many.crm["Account"].edit(Name="Acme")
    contact = many.crm["Contact"].edit(LastName="Ada", AccountId=account)
    bill = many.crm["Invoice__c"].edit(Contact__c=contact, Account__c=account, Amount__c=1.0)
    many.settled()
    new = many.crm["Invoice__c"].edit(Contact__c=contact, Amount__c=1.0)
    many.crm["Invoice__c"].edit(bill, Amount__c=2.0)
    many.cycle()
    many.crm["Invoice__c"].delete(new)
    many.settled()
    (person,) = many.marketo_values("lead", "id")[0]
    events = lake.rows(
        "select belongs_to, marketo_id, record_id, event, fields, after['Amount__c'] "
        "from lake.people.invoice__c_event where belongs_to = 'contact' order by happened_at, event"
    )
    assert events == [
        ("contact", person, new, "Added", None, None),
        ("contact", person, bill, "Updated", ["Amount__c"], "2.0"),
        ("contact", person, new, "Deleted", ["IsDeleted"], None),
    ]
    assert lake.rows("select record_id from lake.people.invoice__c_event where belongs_to = 'account'") == [(bill,)]


def test_a_merge_in_marketo_leaves_the_losers_custom_objects_where_they_are(lake: Lake, tmp_path: Path) -> None:
    """SF-CO-12: until the CRM's own record names another person."""
    person = Describe("lead", (*marketo_fields(MARKETO["lead"]), *FATE))
    many = Many(lake, tmp_path / "landing", chosen("Invoice__c", "invoice_c"), {**DESCRIBED, "lead": person})
    winner, loser = many.crm["Contact"].edit(LastName="Ada"), many.crm["Contact"].edit(LastName="Ada L")
    bill = many.crm["Invoice__c"].edit(Contact__c=loser, Amount__c=1.0)
    many.settled()
    persons = {str(carried): int(str(number)) for number, carried in many.marketo_values("lead", "id", PERSON_KEY)}
    many.marketo["lead"].merge(str(persons[loser]), str(persons[winner]))
    many.settled()
    assert loser in many.crm["Contact"].dead
    assert many.marketo_values("invoice_c", "sfdcId", "person") == [(bill, persons[loser])]
    many.crm["Invoice__c"].edit(bill, Contact__c=winner)
    many.settled()
    assert many.marketo_values("invoice_c", "sfdcId", "person") == [(bill, persons[winner])]


def fit(marketo: Describe, crm: Describe = CRM_LINE) -> Pairing:
    (pairing,) = catalog.custom_pairings(["Invoice_Line__c"], ["invoiceLine_c"])
    (parent,) = catalog.custom_pairings(["Invoice__c"], ["invoice_c"])
    return fitted(pairing, crm, marketo, [replace(parent, key="sfdcId")])


def test_what_marketo_lacks_is_said_before_anything_is_written() -> None:
    """SF-CO-11 and 13, MK-REST-21."""
    line = DESCRIBED["invoiceLine_c"]
    assert fit(line).key == "crmId"
    two_keys = replace(line, fields=tuple(replace(f, identifies=f.name in ("crmId", "quantity")) for f in line.fields))
    with pytest.raises(UnfitError, match=r"one deduplication field, .* Invoice_Line__c; it has: crmId, quantity"):
        fit(two_keys)
    elsewhere = replace(
        CRM_LINE, fields=(*CRM_LINE.fields[:3], Field("Deal__c", "reference", reference_to=("Opportunity",)))
    )
    with pytest.raises(UnfitError, match="no link field for a person, a company or a custom object"):
        fit(line, elsewhere)
    more = [Field(f"f{number}", "string") for number in range(50)]
    with pytest.raises(UnfitError, match="52 fields are more than the 50"):
        fit(replace(line, fields=(*line.fields, *more)), replace(CRM_LINE, fields=(*CRM_LINE.fields, *more)))


def test_marketo_holds_ten_kinds_of_custom_objects() -> None:
    """SF-CO-13, MK-REST-21."""
    names = [f"Thing{letter}" for letter in "ABCDEFGHIJK"]
    with pytest.raises(ValueError, match=r"11 custom objects .* Marketo holds 10"):
        catalog.custom_pairings([f"{name}__c" for name in names], [f"{name}_c" for name in names])
