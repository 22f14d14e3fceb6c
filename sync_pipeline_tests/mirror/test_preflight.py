"""What the start-up check makes of what a system says, without a system."""

from __future__ import annotations

import re

import pytest

from sync_pipeline.catalog.salesforce import ACCOUNT, CONTACT, EVENT, LEAD, TASK
from sync_pipeline.mirror.preflight import Severity, judge, judge_conversion
from sync_pipeline.model import Describe, Field, Object


def seen(source: str, *names: str, updateable: bool = True) -> Describe:
    fields = (Field(name, "string", custom=name.endswith("__c"), updateable=updateable) for name in names)
    return Describe(source, tuple(fields))


@pytest.mark.parametrize("obj", [LEAD, CONTACT])
def test_an_opt_out_that_cannot_be_seen_or_written_is_warned_of(obj: Object) -> None:
    """UNSUB-3: otherwise unsubscribes silently stay in Marketo."""
    fields = [m.crm for m in obj.mappings if m.crm != "HasOptedOutOfEmail"]
    told = {
        state: [f.message for f in judge(obj, described) if "HasOptedOutOfEmail" in f.message]
        for state, described in {
            "hidden": seen(obj.source, *fields),
            "read-only": seen(obj.source, *fields, "HasOptedOutOfEmail", updateable=False),
            "fine": seen(obj.source, *fields, "HasOptedOutOfEmail"),
        }.items()
    }
    why = "HasOptedOutOfEmail: who unsubscribes in Marketo is not told to the CRM (UNSUB-3)"
    assert told == {
        "hidden": [f"the sync user cannot see {why}"],
        "read-only": [f"the sync user cannot write {why}"],
        "fine": [],
    }


@pytest.mark.parametrize(("obj", "name"), [(o, n) for o in (ACCOUNT, EVENT, TASK) for n in o.required])
def test_a_field_that_the_sync_needs_and_cannot_see_is_named_with_its_object(obj: Object, name: str) -> None:
    """CONN-6: the account's type, and each field of events and tasks."""
    fields = [one for one in (*obj.required, *(m.crm for m in obj.mappings)) if one != name]
    told = [(f.object, f.message) for f in judge(obj, seen(obj.source, *dict.fromkeys(fields)))]
    assert any(where == obj.name and re.search(rf"\b{name}\b", said) for where, said in told)
    whole = judge(obj, seen(obj.source, *dict.fromkeys((*fields, name))))
    assert not any(re.search(rf"\b{name}\b", found.message) for found in whole)


def test_fields_of_leads_that_a_conversion_would_lose_are_warned_of() -> None:
    """CONV-4."""
    lead = seen("Lead", "LastName", "Company", "Region__c", "Budget__c", "Plan__c")
    contact = seen("Contact", "LastName", "Region__c")
    (found,) = judge_conversion({"Lead": lead, "Contact": contact})
    assert (found.object, found.severity) == ("lead", Severity.WARNING)
    assert found.message.endswith("unless the org maps them otherwise: Budget__c, Plan__c")
    assert list(judge_conversion({"Lead": contact, "Contact": contact})) == []
    assert list(judge_conversion({"Lead": lead})) == []
