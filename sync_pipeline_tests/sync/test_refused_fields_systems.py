"""One bad value in an edit, by both real connectors on both sandboxes: record by record, in bulk, by import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.lake import Lake
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sync.delivery.retries import retry
from sync_pipeline_tests.sync.test_systems import Both

PEOPLE = tuple(pairing for pairing in catalog.pairings() if pairing.name in ("account", "contact", "lead"))
CUSTOM: tuple[dict[str, Any], ...] = (
    {"name": "Big__c", "type": "double", "precision": 18, "label": "Big"},
    {"name": "Note__c", "type": "textarea", "length": 255, "label": "Note"},
)
# Marketo keeps five bytes of a note, and its describe does not say so.
IN_MARKETO = (Field("big", "Big", "integer"), Field("note", "Note", "textarea", length=5))
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.fixture(params=["one by one", "in bulk"])
def both(request: pytest.FixtureRequest, lake: Lake, tmp_path: Path) -> Iterator[Both]:
    schema = Schema.standard()
    for name in ("Contact", "Lead"):
        told = schema[name].describe
        schema.put({**told, "fields": [*told["fields"], *CUSTOM]})
    with ExitStack() as opened:
        both = Both(opened, lake, tmp_path / "landing", PEOPLE, schema)
        both.system.subscription.add_fields("lead", IN_MARKETO)
        if request.param == "in bulk":
            both.ingest_from = 1
            both.system.marketo = both.system.connect(import_from=1)
        yield both


def refusals(both: Both) -> dict[tuple[str, str], str]:
    """Return the code of each open error, by record and field."""
    rows = both.lake.rows("select record_id, field, code from lake.sync.error where resolved_at is null")
    return {(record_id, field): code for record_id, field, code in rows}


def sent(both: Both) -> int:
    """Return how many writes were answered so far."""
    return int(both.lake.rows("select count(*) from lake.sync.write_result")[0][0])


def people(both: Both, *names: str) -> list[tuple[Any, ...]]:
    """Return values of the persons in the order of the CRM's last names."""
    return [
        tuple(row[name] for name in names) for row in both.system.subscription.rows('from lead order by "lastName"')
    ]


def test_marketo_gets_all_but_the_value_that_does_not_fit(both: Both) -> None:
    """FIELD-25, SF-LEAD-1, SF-CONTACT-1, law 8: of new persons and of changed ones."""
    values = [(7, "short"), (3_000_000_000, "short"), (8, "too long"), (3_000_000_000, "too long")]
    records = [
        {"LastName": str(n), "Phone": "1", "Big__c": big, "Note__c": note} for n, (big, note) in enumerate(values)
    ]
    ids = [*both.org.insert("Contact", records[:2])]
    ids += both.org.insert("Lead", [{**record, "Company": "Acme"} for record in records[2:]])
    told = "IMPORT_FAILED" if both.ingest_from == 1 else "1003"
    wanted = {
        (ids[1], "Big__c"): "OUT_OF_RANGE",
        (ids[2], "Note__c"): told,
        (ids[3], "Big__c"): "OUT_OF_RANGE",
        (ids[3], "Note__c"): told,
    }
    for _ in range(2):
        both.cycle()
    assert people(both, "phone", "big", "note") == [
        ("1", 7, "short"),
        ("1", None, "short"),
        ("1", 8, None),
        ("1", None, None),
    ]
    assert refusals(both) == wanted
    settled = sent(both)
    both.cycle()
    assert sent(both) == settled

    for name, one in zip(("Contact", "Contact", "Lead", "Lead"), ids, strict=True):
        both.org.update(name, one, {"Phone": "2", "Big__c": 9, "Note__c": "another"})
    both.cycle()
    told = "1003"  # a person that is there is written record by record
    assert people(both, "phone", "big", "note") == [
        ("2", 9, "short"),
        ("2", 9, "short"),
        ("2", 9, None),
        ("2", 9, None),
    ]
    assert refusals(both) == {(one, "Note__c"): told for one in ids}
    settled = sent(both)
    for _ in range(2):
        both.cycle()
    assert sent(both) == settled


def test_the_crm_gets_all_but_the_value_that_a_rule_of_its_own_refuses(both: Both) -> None:
    """SF-LEAD-8, SF-CONTACT-8, OPS-17, law 8."""
    (contact,) = both.org.insert("Contact", [{"LastName": "0", "Phone": "1"}])
    (lead,) = both.org.insert("Lead", [{"LastName": "1", "Company": "Acme", "Phone": "1"}])
    for _ in range(2):
        both.cycle()
    for name in ("Contact", "Lead"):
        both.org.rules.validate(name, lambda record: "6" in (record.get("Phone") or ""), "No sixes: please", "Phone")
        both.org.rules.validate(name, lambda record: record.get("Title") == "Dr", "No titles -- never", "Title")
    for one in (contact, lead):
        both.system.update(both.person(one)["id"], phone="666", title="Dr", mobilePhone="2", note="short")
    both.cycle()
    fields = ("Phone", "Title", "MobilePhone", "Note__c")
    has = [
        [(both.org.record(name, one) or {})[f] for f in fields] for name, one in (("Contact", contact), ("Lead", lead))
    ]
    assert has == [["1", None, "2", "short"]] * 2
    assert refusals(both) == {(one, name): RULE for one in (contact, lead) for name in ("Phone", "Title")}
    assert bool(both.sandbox.log.count("*/jobs/ingest")) == (both.ingest_from == 1)
    messages = both.lake.rows("select distinct message from lake.sync.error where field = 'Phone'")
    assert messages == [("not written: Phone and phone stay different: No sixes: please",)]
    settled = sent(both)
    for _ in range(2):
        both.cycle()
    assert sent(both) == settled

    both.org.rules.clear()
    with both.lake.transaction() as con:
        assert retry(con, PEOPLE, [contact, lead], both.clock()) == 2
    both.cycle()
    has = [
        [(both.org.record(name, one) or {})[f] for f in fields] for name, one in (("Contact", contact), ("Lead", lead))
    ]
    assert has == [["666", "Dr", "2", "short"]] * 2
    both.cycle()
    assert refusals(both) == {}
