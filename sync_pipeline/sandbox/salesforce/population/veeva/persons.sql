-- What a person account has of its own, beside what it shares with its contact. Some are no professionals: they work in
-- the office of one, and take no part in the sync.
update "Account" as a set
  RecordTypeId = coalesce(p.office, a.RecordTypeId),
  Specialty_1_vod__c = case when p.office is null then one_of(
    ['Cardiology', 'Dermatology', 'Endocrinology', 'General Practice', 'Neurology', 'Oncology', 'Pediatrics',
     'Rheumatology', null], n, 'specialty') end,
  Credentials_vod__c = case when p.office is null then one_of(
    ['MD', 'MD', 'MD', 'DO', 'NP', 'PA', 'PharmD', 'RN'], n, 'credentials') end,
  NPI_vod__c = case when chance(0.5, n, 'npi') then (1000000000 + below(999999999, n, 'npi number'))::varchar end,
  External_ID_vod__c = 'HCP-' || lpad(number_Account(total('Account') + n)::varchar, 9, '0'),
  Country_vod__c = country_code(person_of_contact(n)),
  Primary_Parent_vod__c = case when chance(0.8, n, 'works at') then id_Account(living(account_of(n), 'Account')) end,
  Do_Not_Call_vod__c = one_of(['No_vod', 'No_vod', 'No_vod', 'Yes_vod', null], n, 'do not call')
from (
  select n, id_Account(account_number(n)) as Id, case when chance(0.06, n, 'office') then (
    select any_value(Id) from "RecordType" where DeveloperName = 'Business_Professional_vod') end as office
  from numbers('Contact') where is_person(n)
) as p
where a.Id = p.Id
