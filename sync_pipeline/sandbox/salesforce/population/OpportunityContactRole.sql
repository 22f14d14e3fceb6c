-- Roles 0 and 1 of each three are the primary contacts of two deals, the third is a second contact of the first.
-- A deal takes its roles along to the recycle bin.
select
  n,
  id_Opportunity(opportunity) as OpportunityId,
  id_Contact(contact) as ContactId,
  one_of(['Business User', 'Decision Maker', 'Economic Buyer', 'Evaluator', 'Influencer', null], n, 'role') as Role,
  n % 3 < 2 as IsPrimary,
  is_dead(opportunity, 'Opportunity') as IsDeleted
from (
  select *,
    case when n % 3 < 2 then primary_contact else living((primary_contact + 7) % total('Contact'), 'Contact') end
      as contact
  from (
    select *, contact_of(opportunity) as primary_contact
    from (
      select n, 2 * (n // 3) + (n % 3 = 1)::int as opportunity
      from numbers('OpportunityContactRole')
    )
  )
)
