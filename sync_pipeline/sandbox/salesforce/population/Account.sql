select
  n,
  company(n) as Name,
  one_of(['Prospect', 'Customer - Direct', 'Customer - Channel', 'Technology Partner', 'Other', null], n, 'type') as Type,
  one_of(getvariable('account_types'), n, 'record type') as RecordTypeId,
  case when n > 0 and chance(0.1, n, 'parent') then id_Account(living(below(n, n, 'parent of'), 'Account')) end
    as ParentId,
  street(-n - 1) as BillingStreet,
  city(-n - 1) as BillingCity,
  pool('postcode', -n - 1, 'city') as BillingPostalCode,
  country(-n - 1) as BillingCountry,
  phone(-n - 1, 'phone') as Phone,
  'https://www.' || pool('last_ascii', n, 'company') || '.example' as Website,
  lpad((below(9000, n, 'sic') + 100)::varchar, 4, '0') as Sic,
  one_of(['Headquarters', 'Werk Süd', 'Branch, north', null], n, 'site') as Site,
  one_of(getvariable('industries'), n, 'industry') as Industry,
  one_of(['Hot', 'Warm', 'Cold', null], n, 'rating') as Rating,
  case when chance(0.7, n, 'revenue') then 1000.0 * below(9000000, n, 'amount') end as AnnualRevenue,
  case when chance(0.8, n, 'employees') then below(50000, n, 'number') end as NumberOfEmployees,
  one_of(['Public', 'Private', 'Subsidiary', null], n, 'ownership') as Ownership,
  remark(-n - 1) as Description,
  one_of(getvariable('users'), n, 'account owner') as OwnerId
from numbers('Account')
