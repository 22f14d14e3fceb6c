-- Persons in the order of their birth; those that died before the end are not among them (see activity.sql).
select
  n + 1 as id,
  first_name(n) as "firstName",
  last_name(n) as "lastName",
  nullif(full_name(first_name(n), last_name(n)), '') as "mktoName",
  one_of(['Mr.', 'Ms.', 'Mrs.', 'Dr.', null], n, 'salutation') as salutation,
  pool('job', n, 'job') as title,
  email(n, box) as email,
  phone(n, 'phone') as phone,
  phone(n, 'mobile') as "mobilePhone",
  street(n) as address,
  city(n) as city,
  pool('postcode', n, 'city') as "postalCode",
  country(n) as country,
  case when chance(0.3, n, 'birthday') then date '1950-01-01' + below(18000, n, 'birthday of')::integer end as "dateOfBirth",
  one_of(['Web', 'Webinar', 'Partner Referral', 'Purchased List', 'Other', null], n, 'source') as "leadSource",
  one_of(['Open', 'Working', 'Qualified', null], n, 'status') as "leadStatus",
  one_of(['Hot', 'Warm', 'Cold', null], n, 'rating') as rating,
  case when chance(0.8, n, 'scored') then below(120, n, 'score') end as "leadScore",
  remark(n) as "mktoPersonNotes",
  coalesce(email(n, box) is not null and chance(0.06, box, 'opt out'), false) as unsubscribed,
  chance(0.03, n, 'no calls') as "doNotCall",
  true as "isLead",
  'contact' as "personType",
  1 as "leadPartitionId",
  one_of(['Web service API', 'New lead', 'List import'], n, 'original') as "originalSourceType",
  case when linked then 'ACC-' || lpad((account + 1)::varchar, 9, '0') end as "externalCompanyId",
  case when chance(0.5, n, 'owned') then 'USR-' || lpad((below(total('User'), n, 'owner') + 1)::varchar, 5, '0') end
    as "externalSalesPersonId",
  case when linked then company(account) when chance(0.6, n, 'own company') then company(total('Account') + n) end as company,
  case when linked then one_of(getvariable('industries'), account, 'industry') end as industry,
  birth(n, 'Lead') as "createdAt",
  last_edit(n) as "updatedAt"
from (
  select n, mailbox(n) as box, chance(0.45, n, 'linked') as linked,
    floor(pow(unit(n, 'company of'), 1.5) * total('Account'))::bigint as account
  from numbers('Lead') where not is_dead(n, 'Lead')
)
