"""The fields of an account, and of the person in a person account (SPEC 11.1).

A person account is one record in the CRM and two in Marketo: `ACCOUNT` fills the company, `PERSON_ACCOUNT`
the person (SF-PACCT-1). Custom fields are copied to both (SF-PACCT-2) and come from describe, not from here.
"""

from __future__ import annotations

from dataclasses import replace

from sync_pipeline.catalog.directions import system, to_marketo
from sync_pipeline.catalog.mappings_person import CONTACT
from sync_pipeline.model import Direction, Mapping, Rule

ACCOUNT: tuple[Mapping, ...] = (
    to_marketo("Id", "externalCompanyId", "External Company Id", on="company"),
    to_marketo("OwnerId", "externalSalesPersonId", "Account Owner", on="company", refers_to="user"),
    system("IsDeleted", "SFDC Is Deleted", on="company"),
    to_marketo("Name", "company", "Company Name", on="company"),
    # Marketo labels this "SFDC Type" too, the label of a person's link; a field of its own keeps them apart
    # (SPEC 31, decision 9). It is no standard field of a company and must be created there first (FIELD-22).
    to_marketo("Type", "accountType", "Account Type", on="company"),
    to_marketo("Industry", "industry", "Industry", on="company"),
    to_marketo("AnnualRevenue", "annualRevenue", "Annual Revenue", on="company"),
    to_marketo("NumberOfEmployees", "numberOfEmployees", "Num Employees", on="company"),
    to_marketo("Sic", "sicCode", "SIC Code", on="company"),
    to_marketo("Site", "site", "Site", on="company"),
    to_marketo("Website", "website", "Website", on="company"),
    to_marketo("Phone", "mainPhone", "Main Phone", on="company"),
    to_marketo("BillingStreet", "billingStreet", "Billing Address", on="company"),
    to_marketo("BillingCity", "billingCity", "Billing City", on="company"),
    to_marketo("BillingState", "billingState", "Billing State", on="company"),
    to_marketo("BillingPostalCode", "billingPostalCode", "Billing Postal Code", on="company"),
    to_marketo("BillingCountry", "billingCountry", "Billing Country", on="company"),
    to_marketo("Description", "mktoCompanyNotes", "Company Notes", on="company"),
)

# An account has one of each of these, for the person and the company alike; Salesforce gives no Person* twin.
SHARED = frozenset({"Salutation", "FirstName", "LastName", "Phone", "Fax"})


def on_account(contact_field: str) -> str:
    """Return a contact field's name on a person account: `Email` is `PersonEmail`, `Foo__c` is `Foo__pc`."""
    if contact_field in SHARED:
        return contact_field
    if contact_field.endswith("__c"):
        return f"{contact_field.removesuffix('__c')}__pc"
    return f"Person{contact_field}"


def of_person(account_field: str) -> bool:
    """Tell whether a field of a person account is the person's, and not the company's (SPEC 31, decision 32)."""
    return account_field in SHARED or account_field.startswith("Person") or account_field.endswith("__pc")


# A contact's Description has no twin on the account: `Description` there is the company's. The conflict rule
# is the contact's, although the account's own default is one-way (SF-PACCT-7).
PERSON_ACCOUNT: tuple[Mapping, ...] = (
    system("PersonContactId", "SFDC Id"),
    *(
        replace(mapping, crm=on_account(mapping.crm), rule=mapping.rule or Rule.CRM_WINS)
        for mapping in CONTACT
        if mapping.direction is not Direction.CRM_TO_MARKETO and mapping.crm != "Description"
    ),
)

# Of the fields that Marketo fills, Veeva's set-up names these (VV-CONN-4).
FILLED_IN_VEEVA = ("mkto71_Lead_Score__pc", "mkto71_Inferred_")

# The person in a Veeva account (VV-PA-13), with Marketo's system values under Veeva's name (VV-PA-14); Veeva Type is
# what a link is of and no field of the record. As an account's Description is its contact's too, the notes come from
# there, one-way like every account field (VV-PA-6).
VEEVA_PERSON: tuple[Mapping, ...] = (
    system("PersonContactId", "Veeva Id"),
    system("CreatedDate", "Veeva Created Date"),
    system("IsDeleted", "Veeva is Deleted"),
    # No standard field of a person: it must be created in Marketo first (FIELD-22), like accountType.
    to_marketo("IsPersonAccount", "isPersonAccount", "Is Person Account"),
    to_marketo("Id", "externalCompanyId", "Company", refers_to="account"),
    to_marketo("OwnerId", "externalSalesPersonId", "Sales Owner", refers_to="user"),
    to_marketo("Description", "mktoPersonNotes", "Person Notes"),
    *(
        mapping
        for mapping in PERSON_ACCOUNT
        if mapping.marketo and (mapping.is_two_way or mapping.crm.startswith(FILLED_IN_VEEVA))
    ),
)
