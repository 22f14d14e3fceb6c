"""The fields that the native sync leaves out without telling anybody (FIELD-24, SPEC 11.3).

We leave none out: every visible field is in the mirror, where it can be queried. Those named here just have
no place in Marketo by default: whoever moves from the native sync should not go looking for them there.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from sync_pipeline.model import Object

EVERY_OBJECT = "all"

# Source: Adobe's knowledge base article ka-29492. For Mailing* it contradicts Adobe's mapping page, which
# maps them to the person's address; our mapping follows the page (SPEC 31, decision 10).
IGNORED_BY_NATIVE: MappingOf[str, tuple[str, ...]] = {
    EVERY_OBJECT: (
        "CreatedById",
        "LastActivityDate",
        "LastModifiedDate",
        "LastModifiedById",
        "MasterRecordId",
        "SystemModstamp",
    ),
    "Account": (
        "Fax",
        "Ownership",
        "Rating",
        "ShippingStreet",
        "ShippingCity",
        "ShippingState",
        "ShippingPostalCode",
        "ShippingCountry",
        "TickerSymbol",
    ),
    "Contact": (
        "Name",
        "AssistantName",
        "AssistantPhone",
        "HomePhone",
        "LastCURequestDate",
        "LastCUUpdateDate",
        "MailingStreet",
        "MailingCity",
        "MailingState",
        "MailingPostalCode",
        "MailingCountry",
        "OtherPhone",
        "OtherStreet",
        "OtherCity",
        "OtherState",
        "OtherPostalCode",
        "OtherCountry",
        "ReportsToId",
    ),
}


def ignored_by_native(declared: Object) -> tuple[str, ...]:
    """Return the names of the fields of `declared` that the native sync leaves out."""
    return (*IGNORED_BY_NATIVE[EVERY_OBJECT], *IGNORED_BY_NATIVE.get(declared.source, ()))
