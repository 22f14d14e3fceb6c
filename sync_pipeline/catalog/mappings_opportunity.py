"""The fields of opportunities and their contact roles (SPEC 8.1), and the users who own them: all one-way."""

from __future__ import annotations

from sync_pipeline.catalog.directions import system, to_marketo
from sync_pipeline.model import Mapping

# The sales owner's values on every person he owns (SF-USER-2) are those of the sales person he is linked to.
USER: tuple[Mapping, ...] = (
    to_marketo("Id", "externalSalesPersonId", "External Sales Person Id", on="sales_person"),
    to_marketo("Email", "email", "Sales Owner Email Address", on="sales_person"),
    to_marketo("FirstName", "firstName", "Sales Owner First Name", on="sales_person"),
    to_marketo("LastName", "lastName", "Sales Owner Last Name", on="sales_person"),
    to_marketo("Title", "title", "Sales Owner Job Title", on="sales_person"),
    to_marketo("Phone", "phone", "Sales Owner Phone Number", on="sales_person"),
)

OPPORTUNITY: tuple[Mapping, ...] = (
    to_marketo("Id", "externalOpportunityId", "SFDC Oppty Id", on="opportunity"),
    to_marketo("AccountId", "externalCompanyId", "External Company Id", on="opportunity", refers_to="account"),
    to_marketo("OwnerId", "externalSalesPersonId", "External Sales Person Id", on="opportunity", refers_to="user"),
    # Marketo's guide names no REST field for the source campaign, so the id stays in our mirror.
    system("CampaignId", "Source Campaign Id", on="opportunity"),
    to_marketo("Name", "name", "Name", on="opportunity"),
    to_marketo("Description", "description", "Description", on="opportunity"),
    to_marketo("Type", "type", "Type", on="opportunity"),
    to_marketo("StageName", "stage", "Stage", on="opportunity"),
    to_marketo("Amount", "amount", "Amount", on="opportunity"),
    to_marketo("ExpectedRevenue", "expectedRevenue", "Expected Revenue", on="opportunity"),
    to_marketo("TotalOpportunityQuantity", "quantity", "Quantity", on="opportunity"),
    to_marketo("Probability", "probability", "Probability", on="opportunity"),
    to_marketo("CloseDate", "closeDate", "Close Date", on="opportunity"),
    to_marketo("FiscalQuarter", "fiscalQuarter", "Fiscal Quarter", on="opportunity"),
    to_marketo("FiscalYear", "fiscalYear", "Fiscal Year", on="opportunity"),
    to_marketo("ForecastCategory", "forecastCategory", "Forecast Category", on="opportunity"),
    to_marketo("ForecastCategoryName", "forecastCategoryName", "Forecast Category Name", on="opportunity"),
    to_marketo("IsClosed", "isClosed", "Is Closed", on="opportunity"),
    to_marketo("IsWon", "isWon", "Is Won", on="opportunity"),
    to_marketo("LastActivityDate", "lastActivityDate", "Last Activity Date", on="opportunity"),
    to_marketo("LeadSource", "leadSource", "Source", on="opportunity"),
    to_marketo("NextStep", "nextStep", "Next Step", on="opportunity"),
    to_marketo("CreatedDate", "externalCreatedDate", "External Created Date", on="opportunity"),
)

# Marketo's key of a role is opportunity, person and role name together (SF-OPP-10): there, another role name
# is another role (SF-OPP-11).
OPPORTUNITY_CONTACT_ROLE: tuple[Mapping, ...] = (
    to_marketo("OpportunityId", "externalOpportunityId", "External Opportunity Id", "opportunity_role", "opportunity"),
    to_marketo("ContactId", "leadId", "Person Id", on="opportunity_role", refers_to="contact"),
    # A key must be filled; in Salesforce a role need not be named.
    to_marketo("Role", "role", "Role", on="opportunity_role", absent="None"),
    to_marketo("IsPrimary", "isPrimary", "Is Primary", on="opportunity_role"),
    to_marketo("CreatedDate", "externalCreatedDate", "External Created Date", on="opportunity_role"),
)
