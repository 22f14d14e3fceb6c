-- Loaded after the calls, whose account, day and user they carry; they go to the recycle bin with them.
select
  n,
  'CKM-' || lpad(number_Call2_Key_Message_vod__c(n)::varchar, 9, '0') as Name,
  call.Id as Call2_vod__c,
  message_category(message) as Category_vod__c,
  product(message) || ' – what is new?' as Clm_Presentation_Name_vod__c,
  message(message) as Key_Message_Name_vod__c,
  one_of(['Positive', 'Neutral', 'Negative', null], n, 'reaction') as Reaction_vod__c,
  id_Key_Message_vod__c(message) as Key_Message_vod__c,
  id_Product_vod__c(message % details()) as Product_vod__c,
  call.Account_vod__c,
  call.User_vod__c,
  call.Call_Date_vod__c,
  call.Call_Datetime_vod__c as Start_Time_vod__c,
  below(600, n, 'seconds')::double as Duration_vod__c,
  1.0 + below(8, n, 'order') as Display_Order_vod__c,
  'message-' || number_Call2_Key_Message_vod__c(n) as Mobile_ID_vod__c,
  call.IsDeleted
from (
  select n, below(total('Key_Message_vod__c'), n, 'message') as message,
    id_Call2_vod__c(earlier(n, 'Call2_Key_Message_vod__c', 'Call2_vod__c', 'of')) as call_id
  from numbers('Call2_Key_Message_vod__c')
) join "Call2_vod__c" as call on call.Id = call_id
