"""The fields of a person: of a lead and of a contact (SPEC 11.1), and those that Marketo fills (SPEC 2.2).

Every custom field that the sync user can see may take part as well (FIELD-1); those come from describe and
from the settings, not from here.
"""

from __future__ import annotations

from dataclasses import replace

from sync_pipeline.catalog.directions import system, to_crm, to_marketo
from sync_pipeline.model import Mapping

UNSUBSCRIBED = "unsubscribed"

# Optional in the org, written by the sync alone (CONN-20). The REST names of the `original*` fields follow
# the older SOAP names, so Marketo's describe has the last word (FIELD-26).
FILLED_BY_MARKETO: tuple[Mapping, ...] = (
    to_crm("mkto71_Lead_Score__c", "leadScore", "Score"),
    to_crm("mkto71_Acquisition_Date__c", "mktoAcquisitionDate", "Acquisition Date"),
    # REST has only the program's id on the person; the name is looked up among the programs.
    to_crm("mkto71_Acquisition_Program__c", None, "Acquisition Program"),
    to_crm("mkto71_Acquisition_Program_Id__c", "acquisitionProgramId", "Acquisition Program Id"),
    to_crm("mkto71_Original_Referrer__c", "originalReferrer", "Original Referrer"),
    to_crm("mkto71_Original_Search_Engine__c", "originalSearchEngine", "Original Search Engine"),
    to_crm("mkto71_Original_Search_Phrase__c", "originalSearchPhrase", "Original Search Phrase"),
    to_crm("mkto71_Original_Source_Info__c", "originalSourceInfo", "Original Source Info"),
    to_crm("mkto71_Original_Source_Type__c", "originalSourceType", "Original Source Type"),
    to_crm("mkto71_Inferred_City__c", "inferredCity", "Inferred City"),
    to_crm("mkto71_Inferred_Company__c", "inferredCompany", "Inferred Company"),
    to_crm("mkto71_Inferred_Country__c", "inferredCountry", "Inferred Country"),
    to_crm("mkto71_Inferred_Metropolitan_Area__c", "inferredMetropolitanArea", "Inferred Metropolitan Area"),
    to_crm("mkto71_Inferred_Phone_Area_Code__c", "inferredPhoneAreaCode", "Inferred Phone Area Code"),
    to_crm("mkto71_Inferred_Postal_Code__c", "inferredPostalCode", "Inferred Postal Code"),
    to_crm("mkto71_Inferred_State_Region__c", "inferredStateRegion", "Inferred State Region"),
)

# By these a person says no. The native sync has only the first; the others are synced where an operator maps them.
EMAIL_OPT_OUT = Mapping("HasOptedOutOfEmail", UNSUBSCRIBED, "Unsubscribed", consent=True)
CONSENT: tuple[Mapping, ...] = (
    EMAIL_OPT_OUT,
    Mapping("DoNotCall", "doNotCall", "Do Not Call", consent=True),
    Mapping("HasOptedOutOfFax", None, "Fax Opt Out", consent=True),
)

# What a lead and a contact share, name for name.
PERSON: tuple[Mapping, ...] = (
    system("Id", "SFDC Id"),
    system("CreatedDate", "SFDC Created Date"),
    system("IsDeleted", "SFDC Is Deleted"),
    to_marketo("OwnerId", "externalSalesPersonId", "Sales Owner", refers_to="user"),
    Mapping("Salutation", "salutation", "Salutation"),
    Mapping("FirstName", "firstName", "First Name"),
    Mapping("LastName", "lastName", "Last Name"),
    Mapping("Title", "title", "Job Title"),
    Mapping("Email", "email", "Email Address"),
    EMAIL_OPT_OUT,
    Mapping("Phone", "phone", "Phone Number"),
    Mapping("MobilePhone", "mobilePhone", "Mobile Phone Number"),
    Mapping("Fax", "fax", "Fax Number"),
    Mapping("LeadSource", "leadSource", "Source"),
    Mapping("Description", "mktoPersonNotes", "Person Notes"),
)

LEAD: tuple[Mapping, ...] = (
    *PERSON,
    system("IsConverted", "SFDC Is Converted"),
    system("ConvertedDate", "SFDC Converted Date"),
    Mapping("Street", "address", "Address"),
    Mapping("City", "city", "City"),
    Mapping("State", "state", "State"),
    Mapping("PostalCode", "postalCode", "Postal Code"),
    Mapping("Country", "country", "Country"),
    Mapping("Rating", "rating", "Rating"),
    Mapping("Status", "leadStatus", "Status"),
    # Company-level in Marketo. They can be written through the person only while it hangs on no account
    # (SPEC 31, decision 34); for one that does, Marketo answers 1021.
    Mapping("Company", "company", "Company Name", on="company"),
    Mapping("Industry", "industry", "Industry", on="company"),
    Mapping("AnnualRevenue", "annualRevenue", "Annual Revenue", on="company"),
    Mapping("NumberOfEmployees", "numberOfEmployees", "Num Employees", on="company"),
    Mapping("Website", "website", "Website", on="company"),
    *FILLED_BY_MARKETO,
)

CONTACT: tuple[Mapping, ...] = (
    *PERSON,
    # A person can be moved to another company but never detached from one (SF-CONTACT-10).
    replace(to_marketo("AccountId", "externalCompanyId", "Company", refers_to="account"), stays=True),
    # Only in orgs with person accounts, whose people are contacts too (SF-PACCT-3). No standard field of a person: it
    # must be created in Marketo first (FIELD-22), like accountType.
    replace(to_marketo("IsPersonAccount", "isPersonAccount", "Is Person Account"), optional=True),
    Mapping("Birthdate", "dateOfBirth", "Date of Birth"),
    # Adobe's list of ignored fields names Mailing*; its mapping page maps them, and so do we (decision 10).
    Mapping("MailingStreet", "address", "Address"),
    Mapping("MailingCity", "city", "City"),
    Mapping("MailingState", "state", "State"),
    Mapping("MailingPostalCode", "postalCode", "Postal Code"),
    Mapping("MailingCountry", "country", "Country"),
    *FILLED_BY_MARKETO,
)
