select
  n,
  names[n + 1] as Name,
  replace(names[n + 1], ' ', '_') as DeveloperName,
  case when n < 6 then 'Queue' else 'Regular' end as Type,
  'queue' || n || '@sandbox.example' as Email,
  (select any_value(Id) from "Organization") as OwnerId,
  true as DoesIncludeBosses
from
  numbers('Group'),
  (select [
    'Inbound leads', 'Partner leads', 'Webinar leads', 'Leads DACH', 'Leads Japan', 'Recycled leads', 'All sellers',
    'Marketing']) lists(names)
