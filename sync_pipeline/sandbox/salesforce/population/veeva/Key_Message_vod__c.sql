select
  n,
  message(n) as Name,
  id_Product_vod__c(n % details()) as Product_vod__c,
  message_category(n) as Category_vod__c,
  left(remark(-n - 1), 800) as Description_vod__c,
  chance(0.9, n, 'active') as Active_vod__c,
  1.0 + n // details() as Display_Order_vod__c,
  'en' as Language_vod__c,
  lower(product(n)) || '_' || number_Key_Message_vod__c(n) || '.zip' as Media_File_Name_vod__c,
  false as IsDeleted,
  one_of(getvariable('users'), n, 'message owner') as OwnerId
from numbers('Key_Message_vod__c')
