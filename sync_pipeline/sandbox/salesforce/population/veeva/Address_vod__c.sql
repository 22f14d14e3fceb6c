-- Where a person is seen; it goes to the recycle bin with the person.
select
  n,
  left(street(person), 80) as Name,
  id_Account(account_number(contact)) as Account_vod__c,
  left(city(person), 40) as City_vod__c,
  pool('postcode', person, 'city') as Zip_vod__c,
  country_code(person) as Country_vod__c,
  true as Primary_vod__c,
  phone(person, 'office') as Phone_vod__c,
  is_dead(contact, 'Contact') as IsDeleted
from (
  select n, contact, person_of_contact(contact) as person
  from (
    select n, contact + (not is_person(contact))::int as contact
    from (select n, n * (total('Contact') - 1) // total('Address_vod__c') as contact from numbers('Address_vod__c'))
  )
)
