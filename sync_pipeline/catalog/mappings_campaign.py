"""The fields of a campaign and of its members, for a campaign that is linked to a program (SPEC 9)."""

from __future__ import annotations

from sync_pipeline.catalog.directions import system, to_crm, to_marketo
from sync_pipeline.model import Mapping, Rule

CAMPAIGN: tuple[Mapping, ...] = (
    to_crm("Type", "channel", "Channel", on="program"),
    to_crm("ActualCost", "periodCost", "Period Cost", on="program"),  # the sum: a program has a list of costs
)

# In the order of their steps, of the program that a member `m` is in.
STATUSES = (
    """(select from_json(p."statuses", '["VARCHAR"]') from lake.marketo.program p where p."id" = m."programId")"""
)

CAMPAIGN_MEMBER: tuple[Mapping, ...] = (
    system("Id", "SFDC Campaign Member Id", on="program_member"),
    to_marketo("CampaignId", "programId", "Program", on="program_member", refers_to="campaign"),
    # After a conversion a member has both, and the contact counts (SF-CAMP-22).
    to_marketo("ContactId", "leadId", "Person Id", on="program_member", refers_to="contact"),
    to_marketo("LeadId", "leadId", "Person Id", on="program_member", refers_to="lead"),
    # What sales and marketing both set. Marketo skips a step back (SF-CAMP-8), and that is no error.
    Mapping("Status", "statusName", "Program Status", on="program_member", rule=Rule.CRM_WINS, steps=STATUSES),
    system("HasResponded", "Has Responded", on="program_member"),
    system("FirstRespondedDate", "First Responded Date", on="program_member"),
)
