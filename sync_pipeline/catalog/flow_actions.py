"""Salesforce's names for what on-demand actions read and write beside the mapped fields. Data only."""

from __future__ import annotations

# The first three characters of an id tell its object, in every org.
USER_PREFIX, QUEUE_PREFIX, CAMPAIGN_PREFIX = "005", "00G", "701"
PERSON_PREFIXES = {"00Q": "lead", "003": "contact", "001": "person_account"}  # by the pairing they are linked in

OWNER = "OwnerId"
# A converted lead can no longer be written; it names the contact that it became (SF-LEAD-12).
CONVERTED, CONVERTED_CONTACT = "IsConverted", "ConvertedContactId"
LAST_NAME, COMPANY = "LastName", "Company"
# By these a lead is found again whose creation was not answered; what the org's own code fills in would hide it.
LEAD_FOUND_BY = (LAST_NAME, "FirstName", "Email", COMPANY)

# A task is about a lead or a contact: of a person account, about the contact in it.
PERSON_CONTACT = "PersonContactId"
TASK_ABOUT, TASK_SUBJECT, TASK_DESCRIPTION, TASK_DUE = "WhoId", "Subject", "Description", "ActivityDate"
TASK_CHOICES = {"priority": "Priority", "task_status": "Status"}
TASK_FOUND_BY = (TASK_ABOUT, TASK_SUBJECT)

MEMBER_CAMPAIGN, MEMBER_STATUS = "CampaignId", "Status"
MEMBER_PERSON = {"lead": "LeadId", "contact": "ContactId"}
MEMBER_FOUND_BY = (MEMBER_CAMPAIGN, *MEMBER_PERSON.values())
