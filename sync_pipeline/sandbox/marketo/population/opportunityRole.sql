-- One role in three belongs to an opportunity that has two.
select
  guid('opportunityRole', n) as "marketoGUID",
  'OPP-' || lpad((n * 2 // 3 + 1)::varchar, 9, '0') as "externalOpportunityId",
  living(below(total('Lead'), n * 2 // 3, 'buyer') + n * 2 % 3 // 2, 'Lead') % total('Lead') + 1 as "leadId",
  case when n * 2 % 3 = 2 then 'Evaluator' else one_of(['Decision Maker', 'Technical Buyer'], n, 'role') end as role,
  n * 2 % 3 < 2 as "isPrimary",
  birth(n * 2 // 3, 'Opportunity') as "createdAt",
  birth(n * 2 // 3, 'Opportunity') as "updatedAt"
from numbers('OpportunityRole')
