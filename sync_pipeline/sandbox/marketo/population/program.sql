select
  n + 1001 as id,
  one_of(['Webinar', 'Content', 'Email Send'], n, 'channel') || ' ' || pool('city', n, 'program') || ' ' || (n + 1) as name,
  '' as description,
  case one_of(['Webinar', 'Content', 'Email Send'], n, 'channel')
    when 'Webinar' then 'Event' when 'Content' then 'Default' else 'Email' end as type,
  one_of(['Webinar', 'Content', 'Email Send'], n, 'channel') as channel,
  '' as status,
  'Default' as workspace,
  birth(n, 'Program') as "createdAt",
  seconds_later(birth(n, 'Program'), unit(n, 'edit')) as "updatedAt"
from numbers('Program')
