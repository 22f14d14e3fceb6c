"""What becomes of a lead's fields when it is converted: the standard mapping, and what an administrator mapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_pipeline.sandbox.salesforce.org.persons import account_name
from sync_pipeline.sandbox.salesforce.org.records import only
from sync_pipeline.sandbox.salesforce.org.schema import Schema

Values = Mapping[str, Any]

_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_STANDARD: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "Company": "Name",
        **{name: name for name in ("Phone", "Fax", "Website", "Industry", "Rating", "AnnualRevenue")},
        "NumberOfEmployees": "NumberOfEmployees",
        **{part: f"Billing{part}" for part in _ADDRESS},
    },
    "Contact": {
        **{name: name for name in ("FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone")},
        **{name: name for name in ("Fax", "Description", "LeadSource", "HasOptedOutOfEmail", "DoNotCall")},
        "HasOptedOutOfFax": "HasOptedOutOfFax",
        **{part: f"Mailing{part}" for part in _ADDRESS},
    },
    "Opportunity": {"LeadSource": "LeadSource"},
}


def converted(schema: Schema, lead: Values, name: str) -> dict[str, Any]:
    """Return the values that a record of the object (Account, Contact, Opportunity) takes from the lead."""
    custom = {
        field["name"]: target.partition(".")[2]
        for field in schema["Lead"].fields.values()
        for target in field.get("convertsTo", ())
        if target.partition(".")[0] == name
    }
    return only(schema[name], {to: lead.get(field) for field, to in {**_STANDARD[name], **custom}.items()})


def converted_person(schema: Schema, lead: Values) -> dict[str, Any]:
    """Return the values that a person account takes from the lead: those of its contact under their other names."""
    contact = {account_name(field) or field: value for field, value in converted(schema, lead, "Contact").items()}
    account = {field: value for field, value in converted(schema, lead, "Account").items() if field != "Name"}
    return {**account, **only(schema["Account"], contact)}
