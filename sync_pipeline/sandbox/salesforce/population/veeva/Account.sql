-- The business accounts; those of persons are made from their contacts, see persons.sql.
select
  n,
  pool('last', n, 'company') || ' ' || kind.name as Name,
  one_of(['Customer - Direct', 'Prospect', 'Other', null], n, 'type') as Type,
  (select any_value(Id) from "RecordType" where DeveloperName = kind.record_type) as RecordTypeId,
  case when n > 0 and chance(0.3, n, 'parent') then id_Account(living(below(n, n, 'parent of'), 'Account')) end
    as Primary_Parent_vod__c,
  street(-n - 1) as BillingStreet,
  city(-n - 1) as BillingCity,
  pool('postcode', -n - 1, 'city') as BillingPostalCode,
  country(-n - 1) as BillingCountry,
  country_code(-n - 1) as Country_vod__c,
  phone(-n - 1, 'phone') as Phone,
  'https://www.' || pool('last_ascii', n, 'company') || '.example' as Website,
  case when chance(0.8, n, 'employees') then below(5000, n, 'number') end as NumberOfEmployees,
  'HCO-' || lpad(number_Account(n)::varchar, 9, '0') as External_ID_vod__c,
  remark(-n - 1) as Description,
  one_of(getvariable('users'), n, 'account owner') as OwnerId
from (
  select n, one_of([
    {name: 'General Hospital', record_type: 'Hospital_vod'},
    {name: 'University Clinic – Cardiology', record_type: 'HospitalDepartment_vod'},
    {name: 'Practice', record_type: 'Practice_vod'},
    {name: 'Pharmacy', record_type: 'Pharmacy_vod'}], n, 'kind') as kind
  from numbers('Account')
)
