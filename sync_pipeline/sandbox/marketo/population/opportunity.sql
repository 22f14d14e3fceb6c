select
  guid('opportunity', n) as "marketoGUID",
  'OPP-' || lpad((n + 1)::varchar, 9, '0') as "externalOpportunityId",
  company(below(total('Account'), n, 'buyer')) || ' – ' || pool('last', n, 'deal') as name,
  one_of(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'], n, 'stage') as stage,
  starts_with(one_of(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'], n, 'stage'), 'Closed')
    as "isClosed",
  one_of(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'], n, 'stage') = 'Closed Won' as "isWon",
  round(100 + 90000 * unit(n, 'amount'), 2) as amount,
  (birth(n, 'Opportunity') + to_days(below(180, n, 'close')::integer))::date as "closeDate",
  'USR-' || lpad((below(total('User'), n, 'owner') + 1)::varchar, 5, '0') as "externalSalesPersonId",
  birth(n, 'Opportunity') as "createdAt",
  seconds_later(birth(n, 'Opportunity'), unit(n, 'edit')) as "updatedAt"
from numbers('Opportunity')
