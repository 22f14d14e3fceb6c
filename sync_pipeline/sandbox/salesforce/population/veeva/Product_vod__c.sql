select
  n,
  case when n < details() then product(n) else product(n) || ' sample pack' end as Name,
  case when n < details() then 'Detail' else 'Sample' end as Product_Type_vod__c,
  case when n >= details() then id_Product_vod__c(n % details()) end as Parent_Product_vod__c,
  'P' || lpad(number_Product_vod__c(n)::varchar, 6, '0') as External_ID_vod__c,
  one_of(['Cardiology', 'Dermatology', 'Endocrinology', 'Neurology', 'Oncology', 'Rheumatology'], n % details(), 'area')
    as Therapeutic_Area_vod__c,
  case when chance(0.8, n % details(), 'ours') then 'Verteo' else 'Competitor' end as Manufacturer_vod__c,
  chance(0.8, n % details(), 'ours') as Company_Product_vod__c,
  chance(0.9, n, 'active') as Active_vod__c,
  left(remark(-n - 1), 255) as Description_vod__c,
  false as IsDeleted,
  one_of(getvariable('users'), n, 'product owner') as OwnerId
from numbers('Product_vod__c')
