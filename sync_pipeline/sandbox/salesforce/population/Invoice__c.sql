select
  n,
  'INV-' || lpad(number_Invoice__c(n)::varchar, 8, '0') as Name,
  id_Contact(contact) as Contact__c,
  id_Account(account_number(contact)) as Account__c,
  birth(n, 'Invoice__c')::date as Invoice_Date__c,
  birth(n, 'Invoice__c')::date + 30 as Due_Date__c,
  below(10000000, n, 'amount') / 100.0 as Amount__c,
  one_of([0.0, 7.0, 19.0, 20.0, 25.0, null], n, 'tax') as Tax_Rate__c,
  chance(0.8, n, 'paid') as Paid__c,
  'R' || number_Invoice__c(n) || '/' || year(birth(n, 'Invoice__c')) as External_Number__c,
  one_of(getvariable('users'), n, 'bookkeeper') as OwnerId
from (
  select n, living(earlier(n, 'Invoice__c', 'Contact', 'billed'), 'Contact') as contact
  from numbers('Invoice__c')
)
