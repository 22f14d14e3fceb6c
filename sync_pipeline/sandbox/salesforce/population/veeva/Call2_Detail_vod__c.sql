-- The first product that a call is about; it goes to the recycle bin with its call.
select
  n,
  'CD-' || lpad(number_Call2_Detail_vod__c(n)::varchar, 9, '0') as Name,
  id_Call2_vod__c(call) as Call2_vod__c,
  id_Product_vod__c(below(details(), header_of(call), 'first')) as Product_vod__c,
  1.0 as Detail_Priority_vod__c,
  one_of(['EDetail_vod', 'Paper_Detail_vod'], n, 'type') as Type_vod__c,
  'detail-' || number_Call2_Detail_vod__c(n) as Mobile_ID_vod__c,
  is_dead(header_of(call), 'Call2_vod__c') as IsDeleted
from (
  select n, n * total('Call2_vod__c') // total('Call2_Detail_vod__c') as call from numbers('Call2_Detail_vod__c')
)
