"""On demand, too, one value costs its field alone, whether we refuse it or the CRM does, in new leads and old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Describe, Object
from sync_pipeline.on_demand.actions import Outcome, Status
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.on_demand.test_lost_answers import Died
from sync_pipeline_tests.on_demand.world import DESCRIBES, FlowWorld

RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
HOLDS: dict[str, dict[str, Any]] = {
    "Phone": {"length": 5, "type": "phone"},
    "Email": {"length": 80, "type": "email"},
    "LastName": {"length": 80, "nillable": False},
}


@pytest.fixture
def world(lake: Lake) -> FlowWorld:
    """Give a world whose leads have phones of five characters, and the CRM's own rule against the number 666."""
    world = FlowWorld(lake)
    fields = tuple(replace(field, **HOLDS.get(field.name, {})) for field in DESCRIBES["Lead"])
    with lake.transaction() as con:
        ledger.remember_describe(con, salesforce.LEAD, Describe("Lead", fields), world.at)
    world.crm.forbid(salesforce.LEAD, "Phone", "666")
    return world


def said(outcome: Outcome) -> tuple[Status, str, str]:
    return outcome.status, outcome.code, outcome.message


def agreed(world: FlowWorld, crm_id: str | None) -> dict[str, str | None]:
    ((found,),) = world.lake.rows(f"select agreed from {ledger.table('link')} where crm_id = ?", [crm_id])
    return dict(found)


BAD = [
    ({"phone": "1" * 6}, "Phone (TOO_LONG)"),
    ({"email": "ada at x"}, "Email (BAD_EMAIL)"),
    ({"phone": "666"}, f"Phone ({RULE})"),
    ({"phone": "666", "email": "ada at x"}, f"Email (BAD_EMAIL), Phone ({RULE})"),
]


@pytest.mark.parametrize(("values", "refused"), BAD)
@pytest.mark.parametrize("new", [True, False], ids=["create", "update"])
def test_the_lead_gets_all_else_and_the_answer_names_what_it_lacks(
    world: FlowWorld, new: bool, values: dict[str, str], refused: str
) -> None:
    """FLOW-1, FLOW-2, SF-LEAD-8, law 6: only what the CRM confirmed is agreed on."""
    person = world.person() if new else world.lead()[0]
    world.marketo.records["lead"][person].update({"firstName": "Bea", **values})
    done = world.ask("sync-person", person)
    assert said(done) == (Status.DONE, "", f"not written: {refused}")
    lead = world.crm.records["Lead"][str(done.crm_id)]
    assert (lead["FirstName"], lead["LastName"], lead.get("Phone")) == ("Bea", "Ada", None)
    assert set(values.values()).isdisjoint(agreed(world, done.crm_id).values())
    calls = len(world.crm.calls)
    assert world.ask("sync-person", person).code == "NOTHING_DIFFERS"
    assert len(world.crm.calls) == calls
    world.marketo.records["lead"][person].update({"phone": "1", "email": "a@x.example"})
    assert said(world.ask("sync-person", person)) == (Status.DONE, "", "")
    lead = world.crm.records["Lead"][str(done.crm_id)]
    assert (lead["Phone"], lead["Email"]) == ("1", "a@x.example")


def test_what_the_crm_blamed_is_on_record_like_a_refusal_of_a_cycle(world: FlowWorld) -> None:
    person, lead = world.lead()
    world.marketo.records["lead"][person]["phone"] = "666"
    failed = world.ask("sync-person", person)  # nothing else is to be written
    assert (failed.status, failed.code) == (Status.FAILED, RULE)
    rows = world.lake.rows(
        f"select record_id, field, code, message from {ledger.table('error')} where field is not null "
        "and resolved_at is null and record_id = ?",
        [lead],
    )
    assert rows == [(lead, "Phone", RULE, "not written: Phone and phone stay different: Not this")]


def test_without_what_a_new_record_needs_it_is_not_made_and_the_answer_says_so(world: FlowWorld) -> None:
    """CONN-18: what stands in for an empty name does not stand in for one that is too long."""
    person = world.person(lastName="x" * 300)
    rules = {"defaults": {"LastName": "?"}, "sync": SyncPolicy(truncates=False)}
    done = world.ask("sync-person", person, rules=rules)
    assert said(done) == (Status.FAILED, "NOT_CREATED", "Salesforce needs of a new record: LastName (TOO_LONG)")
    assert world.written("Lead") == []


@pytest.mark.parametrize("ends", ["answer lost", "process died"])
def test_a_lead_made_without_a_field_is_found_again_though_that_answer_is_lost(world: FlowWorld, ends: str) -> None:
    """GEN-16: it is looked for by what it was made of, and its link holds no value that it does not have."""
    world.crm.rules.clear()
    world.crm.forbid(salesforce.LEAD, "Email", "ada@x.example")
    person, crm, write = world.person(firstName=ends), world.crm, type(world.crm).write

    def losing(obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        answers = write(crm, obj, operation, records, key)
        if obj.source != "Lead" or "Email" in records[0].values:
            return answers
        del crm.write
        raise Died if ends == "process died" else UnknownOutcomeError("CONNECTION_FAILED", "lost", [None])

    crm.write = losing  # type: ignore[method-assign]
    if ends == "process died":
        with pytest.raises(Died):
            world.ask("sync-person", person, ends)
        world.pass_seconds(10)
    done = world.ask("sync-person", person, ends)
    assert (done.status, len(world.written("Lead"))) == (Status.DONE, 1)
    found = agreed(world, done.crm_id)
    assert (found["lastName"], found["firstName"], found.get("email")) == ("Ada", ends, None)
