select
  n,
  company(account) || ' – ' || one_of(getvariable('trades'), n, 'deal') as Name,
  id_Account(account) as AccountId,
  stage.name as StageName,
  stage.probability as Probability,
  stage.probability in (0, 100) as IsClosed,
  stage.probability = 100 as IsWon,
  stage.category as ForecastCategory,
  case stage.category when 'BestCase' then 'Best Case' else stage.category end as ForecastCategoryName,
  amount as Amount,
  amount * stage.probability / 100 as ExpectedRevenue,
  case when chance(0.3, n, 'quantity') then 1.0 + below(500, n, 'pieces') end as TotalOpportunityQuantity,
  closing as CloseDate,
  year(closing) as FiscalYear,
  quarter(closing) as FiscalQuarter,
  year(closing) || ' ' || quarter(closing) as Fiscal,
  one_of(['Existing Customer - Upgrade', 'New Customer', null], n, 'type') as Type,
  one_of(['Call back', 'Send offer, "final"', 'Legal', null, null], n, 'next step') as NextStep,
  one_of(['Web', 'Partner Referral', 'Other', null], n, 'source') as LeadSource,
  remark(-n - 1) as Description,
  case when chance(0.4, n, 'campaign') then id_Campaign(living(earlier(n, 'Opportunity', 'Campaign', 'of'), 'Campaign'))
  end as CampaignId,
  one_of(getvariable('users'), n, 'deal owner') as OwnerId,
  birth(n, 'Opportunity') as LastStageChangeDate
from (
  select
    n,
    account_number(contact) as account,
    one_of([
      {name: 'Prospecting', probability: 10, category: 'Pipeline'},
      {name: 'Qualification', probability: 10, category: 'Pipeline'},
      {name: 'Proposal/Price Quote', probability: 75, category: 'BestCase'},
      {name: 'Negotiation/Review', probability: 90, category: 'BestCase'},
      {name: 'Closed Won', probability: 100, category: 'Closed'},
      {name: 'Closed Lost', probability: 0, category: 'Omitted'}], n, 'stage') as stage,
    case when chance(0.9, n, 'valued') then (100 + below(2000000, n, 'value')) / 4.0 end as amount,
    (birth(n, 'Opportunity')::date + below(200, n, 'close')::int) as closing
  from (select n, contact_of(n) as contact from numbers('Opportunity'))
)
