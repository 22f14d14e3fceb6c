select
  guid('productInterest_c', n) as "marketoGUID",
  'PI-' || lpad((n + 1)::varchar, 9, '0') as "interestId",
  living(below(total('Lead'), n, 'person'), 'Lead') + 1 as "leadId",
  one_of(['Pump', 'Valve', 'Sensor', 'Service'], n, 'product') as product,
  1 + below(5, n, 'level') as level,
  birth(n, 'ProductInterest')::date as "notedOn",
  birth(n, 'ProductInterest') as "createdAt",
  seconds_later(birth(n, 'ProductInterest'), unit(n, 'edit')) as "updatedAt"
from numbers('ProductInterest')
