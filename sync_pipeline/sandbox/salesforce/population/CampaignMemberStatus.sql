select
  n,
  id_Campaign(n // 4) as CampaignId,
  ['Sent', 'Registered', 'Attended', 'Responded'][n % 4 + 1] as Label,
  n % 4 + 1 as SortOrder,
  n % 4 = 0 as IsDefault,
  n % 4 >= 2 as HasResponded,
  is_dead(n // 4, 'Campaign') as IsDeleted
from numbers('CampaignMemberStatus')
