select
  n,
  product || ' ' || n as Name,
  case when is_lead then id_Lead(living(earlier(n, 'Product_Interest__c', 'Lead', 'who'), 'Lead')) end as Lead__c,
  case when not is_lead then id_Contact(living(earlier(n, 'Product_Interest__c', 'Contact', 'who'), 'Contact')) end
    as Contact__c,
  product as Product__c,
  one_of(['Web', 'Web;Event', 'Partner;Phone', 'Event;E-mail;Web', null], n, 'channels') as Channels__c,
  below(101, n, 'interest')::double as Interest__c,
  birth(n, 'Product_Interest__c') as First_Seen__c,
  remark(n) as Notes__c,
  one_of(getvariable('users'), n, 'watcher') as OwnerId
from (
  select
    n,
    chance(0.5, n, 'is lead') as is_lead,
    one_of(['Analytics', 'Automation', 'Commerce', 'Service', 'Support'], n, 'product') as product
  from numbers('Product_Interest__c')
)
