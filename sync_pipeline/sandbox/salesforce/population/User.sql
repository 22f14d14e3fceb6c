select
  n,
  first as FirstName,
  last as LastName,
  full_name(first, last) as Name,
  address as Email,
  address || '.sandbox' as Username,
  left(pool('last_ascii', person, 'last'), 5) || lpad((n % 1000)::varchar, 3, '0') as Alias,
  'user' || n as CommunityNickname,
  n % 10 <> 7 as IsActive,
  'Standard' as UserType,
  one_of(['Account Executive', 'Sales Development', 'Field Marketing', 'Sales Manager'], n, 'title') as Title,
  one_of(['Sales', 'Marketing'], n, 'department') as Department,
  phone(person, 'phone') as Phone,
  country(person) as Country,
  case when n > 0 then id_User(n // 8) end as ManagerId,
  one_of(['Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Tokyo'], n, 'zone') as TimeZoneSidKey,
  one_of(['en_US', 'en_GB', 'de_DE', 'ja_JP'], n, 'locale') as LocaleSidKey,
  'en_US' as LanguageLocaleKey,
  'UTF-8' as EmailEncodingKey,
  'D' as DigestFrequency,
  'N' as DefaultGroupNotificationFrequency
from (
  select n, -1000000 - n as person, coalesce(first_name(-1000000 - n), 'Alex') as first,
    pool('last', -1000000 - n, 'last') as last,
    pool('first_ascii', -1000000 - n, 'first') || '.' || pool('last_ascii', -1000000 - n, 'last') || n
      || '@sandbox.example' as address
  from numbers('User')
)
