select
  n + 1 as id,
  'ACC-' || lpad((n + 1)::varchar, 9, '0') as "externalCompanyId",
  company(n) as company,
  one_of(getvariable('industries'), n, 'industry') as industry,
  'https://www.' || pool('last_ascii', n, 'company') || '.example' as website,
  phone(-n - 1, 'phone') as "mainPhone",
  street(-n - 1) as "billingStreet",
  city(-n - 1) as "billingCity",
  country(-n - 1) as "billingCountry",
  case when chance(0.7, n, 'revenue') then 1000.0 * below(9000000, n, 'amount') end as "annualRevenue",
  case when chance(0.8, n, 'employees') then below(50000, n, 'number') end as "numberOfEmployees",
  birth(n, 'Account') as "createdAt",
  seconds_later(birth(n, 'Account'), unit(n, 'edit')) as "updatedAt"
from numbers('Account')
