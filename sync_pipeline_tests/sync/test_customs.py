"""Custom objects: chosen by settings, fitted to what both systems describe, copied to Marketo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipeline import assembly, catalog
from sync_pipeline.connectors.marketo.answers import record_fields
from sync_pipeline.lake import Lake
from sync_pipeline.model import Describe, Field, Pairing
from sync_pipeline.settings import Settings
from sync_pipeline.sync.customs import UnfitError, fitted
from sync_pipeline_tests.sync.many import Many

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
    "invoice_c": Describe("invoice_c", tuple(record_fields(INVOICE))),
    "invoiceLine_c": Describe("invoiceLine_c", tuple(record_fields(LINE))),
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
    return tuple(p for p in assembly.pairings(settings) if p.custom or p.name in ("account", "contact"))


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


def fit(marketo: Describe, crm: Describe = CRM_LINE) -> Pairing:
    (pairing,) = catalog.custom_pairings(["Invoice_Line__c"], ["invoiceLine_c"])
    (parent,) = catalog.custom_pairings(["Invoice__c"], ["invoice_c"])
    return fitted(pairing, crm, marketo, [replace(parent, key="sfdcId")])


def test_what_marketo_lacks_is_said_before_anything_is_written() -> None:
    """SF-CO-11 and 13."""
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
    """SF-CO-13."""
    names = [f"Thing{letter}" for letter in "ABCDEFGHIJK"]
    with pytest.raises(ValueError, match=r"11 custom objects .* Marketo holds 10"):
        catalog.custom_pairings([f"{name}__c" for name in names], [f"{name}_c" for name in names])
