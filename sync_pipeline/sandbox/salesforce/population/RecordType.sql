select
  n,
  ['Business Account', 'Partner Account', 'Household', 'Event Member'][n + 1] as Name,
  ['Business_Account', 'Partner_Account', 'Household', 'Event_Member'][n + 1] as DeveloperName,
  case when n < 3 then 'Account' else 'CampaignMember' end as SobjectType,
  true as IsActive
from numbers('RecordType')
