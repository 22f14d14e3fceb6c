-- Loaded after members and opportunities, whose numbers it carries as Salesforce's roll-ups do.
with joined as (
  select
    CampaignId,
    count(LeadId) as leads,
    count(ContactId) as contacts,
    count(*) filter (HasResponded) as responses
  from "CampaignMember" where not IsDeleted group by all
),
earned as (
  select
    CampaignId,
    count(*) as deals,
    count(*) filter (IsWon) as won,
    coalesce(sum(Amount), 0) as amount,
    coalesce(sum(Amount) filter (IsWon), 0) as amount_won
  from "Opportunity" where not IsDeleted and CampaignId is not null group by all
)
select
  n,
  kind || ' ' || one_of(getvariable('trades'), n, 'theme') || ' ' || year(starting) || '/' || (n + 1) as Name,
  kind as Type,
  case when n > 0 and chance(0.2, n, 'parent') then id_Campaign(living(below(n, n, 'parent of'), 'Campaign')) end
    as ParentId,
  one_of(['Planned', 'In Progress', 'Completed', 'Aborted'], n, 'status') as Status,
  starting as StartDate,
  starting + below(60, n, 'days')::int as EndDate,
  100.0 * below(5000, n, 'revenue') as ExpectedRevenue,
  100.0 * below(800, n, 'budget') as BudgetedCost,
  case when chance(0.6, n, 'cost') then 100.0 * below(900, n, 'cost amount') end as ActualCost,
  below(100, n, 'response') / 2.0 as ExpectedResponse,
  below(20000, n, 'sent')::double as NumberSent,
  chance(0.7, n, 'active') as IsActive,
  remark(-n - 1) as Description,
  coalesce(joined.leads, 0) as NumberOfLeads,
  coalesce(joined.contacts, 0) as NumberOfContacts,
  coalesce(joined.responses, 0) as NumberOfResponses,
  coalesce(earned.deals, 0) as NumberOfOpportunities,
  coalesce(earned.won, 0) as NumberOfWonOpportunities,
  coalesce(earned.amount, 0) as AmountAllOpportunities,
  coalesce(earned.amount_won, 0) as AmountWonOpportunities,
  0 as NumberOfConvertedLeads,
  getvariable('member_types')[1] as CampaignMemberRecordTypeId,
  one_of(getvariable('users'), n, 'campaign owner') as OwnerId
from (
  select
    n,
    id_Campaign(n) as id,
    one_of(['Conference', 'Webinar', 'Trade Show', 'Email', 'Direct Mail', 'Partners', 'Other'], n, 'kind') as kind,
    birth(n, 'Campaign')::date + below(40, n, 'start')::int as starting
  from numbers('Campaign')
)
left join joined on joined.CampaignId = id
left join earned on earned.CampaignId = id
