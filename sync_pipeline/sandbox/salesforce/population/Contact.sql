select
  n,
  is_person as IsPersonAccount,
  first_name(person) as FirstName,
  last_name(person) as LastName,
  full_name(first_name(person), last_name(person)) as Name,
  one_of(['Mr.', 'Ms.', 'Mrs.', 'Dr.', null], person, 'salutation') as Salutation,
  left(pool('job', person, 'job'), 80) as Title,  -- no longer than a person account's may be
  one_of(['Sales', 'Finance', 'Technology', 'Purchasing', 'Legal', null], person, 'department') as Department,
  case when has_account(n) then id_Account(account) end as AccountId,
  street(person) as MailingStreet,
  city(person) as MailingCity,
  pool('postcode', person, 'city') as MailingPostalCode,
  country(person) as MailingCountry,
  phone(person, 'phone') as Phone,
  phone(person, 'mobile') as MobilePhone,
  phone(person, 'fax') as Fax,
  email(person, box) as Email,
  remark(person) as Description,
  one_of(['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Other'], person, 'source') as LeadSource,
  -- The first and the last day that Salesforce takes for a date, on one contact in ten thousand each.
  case
    when chance(0.0001, person, 'first day') then date '1700-01-01'
    when chance(0.0001, person, 'last day') then date '4000-12-31'
    when chance(0.4, person, 'birthday') then date '1940-01-01' + below(24000, person, 'birthdate')::int
  end as Birthdate,
  chance(0.06, person, 'opt out') as HasOptedOutOfEmail,
  chance(0.03, person, 'no calls') as DoNotCall,
  chance(0.01, person, 'bounced') as IsEmailBounced,
  case when n > 0 and not is_person and chance(0.1, n, 'reports') then id_Contact(living(below(n, n, 'boss'), 'Contact')) end
    as ReportsToId,
  one_of(getvariable('users'), n, 'contact owner') as OwnerId,
  case when chance(0.8, person, 'scored') then below(120, person, 'score') end as mkto71_Lead_Score__c,
  case when chance(0.5, person, 'acquired') then 'Webinar ' || below(40, person, 'program') end
    as mkto71_Acquisition_Program__c,
  case when chance(0.4, person, 'inferred') then city(person) end as mkto71_Inferred_City__c,
  case when chance(0.4, person, 'inferred') then country(person) end as mkto71_Inferred_Country__c
from (
  select *, mailbox(person) as box
  from (select n, person_of_contact(n) as person, account_number(n) as account, is_person(n) as is_person from numbers('Contact'))
)
