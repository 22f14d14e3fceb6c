select
  n,
  first_name(n) as FirstName,
  last_name(n) as LastName,
  full_name(first_name(n), last_name(n)) as Name,
  one_of(['Mr.', 'Ms.', 'Mrs.', 'Dr.', null], n, 'salutation') as Salutation,
  pool('job', n, 'job') as Title,
  case
    when pair is not null then company(account)
    when chance(getvariable('persons'), n, 'person account') then null
    when chance(0.002, n, 'company na') then 'NA'
    else company(total('Account') + below(total('Account') + 1, n, 'prospect'))
  end as Company,
  street(n) as Street,
  city(n) as City,
  pool('postcode', n, 'city') as PostalCode,
  country(n) as Country,
  phone(n, 'phone') as Phone,
  phone(n, 'mobile') as MobilePhone,
  email(n, box) as Email,
  remark(n) as Description,
  one_of(['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Other'], n, 'source') as LeadSource,
  case
    when pair is not null then 'Closed - Converted'
    else one_of(['Open - Not Contacted', 'Working - Contacted', 'Closed - Not Converted'], n, 'status')
  end as Status,
  one_of(getvariable('industries'), n, 'industry') as Industry,
  one_of(['Hot', 'Warm', 'Cold', null], n, 'rating') as Rating,
  case when chance(0.5, n, 'revenue') then 1000 * below(90000, n, 'revenue amount') end as AnnualRevenue,
  case when chance(0.6, n, 'employees') then below(20000, n, 'employees number') end as NumberOfEmployees,
  chance(0.06, n, 'opt out') as HasOptedOutOfEmail,
  chance(0.03, n, 'no calls') as DoNotCall,
  chance(0.2, n, 'unread') and pair is null as IsUnreadByOwner,
  case
    when chance(0.1, n, 'queued') then one_of(getvariable('queues'), n, 'queue')
    else one_of(getvariable('users'), n, 'owner')
  end as OwnerId,
  pair is not null as IsConverted,
  case when pair is not null then greatest(birth(n, 'Lead'), birth(10 * pair + 3, 'Contact'))::date end as ConvertedDate,
  case when pair is not null then id_Account(account) end as ConvertedAccountId,
  case when pair is not null then id_Contact(10 * pair + 3) end as ConvertedContactId,
  case
    when pair is not null and 3 * pair < total('Opportunity') and not is_dead(3 * pair, 'Opportunity')
    then id_Opportunity(3 * pair)
  end as ConvertedOpportunityId,
  case when chance(0.8, n, 'scored') then below(120, n, 'score') end as mkto71_Lead_Score__c,
  case when chance(0.5, n, 'acquired') then birth(n, 'Lead') end as mkto71_Acquisition_Date__c,
  case when chance(0.5, n, 'acquired') then 'Webinar ' || below(40, n, 'program') end as mkto71_Acquisition_Program__c,
  case when chance(0.4, n, 'inferred') then city(n) end as mkto71_Inferred_City__c,
  case when chance(0.4, n, 'inferred') then country(n) end as mkto71_Inferred_Country__c
from (
  select *, living(account_of(10 * pair + 3), 'Account') as account
  from (select n, mailbox(n) as box, pair_of_lead(n) as pair from numbers('Lead'))
)
