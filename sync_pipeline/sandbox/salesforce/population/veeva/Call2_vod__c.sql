-- A group call is one record for the business account and one for each attendee, which shares the header's day, type,
-- status and user and goes to the recycle bin with it.
select
  n,
  'C-' || lpad(number_Call2_vod__c(n)::varchar, 9, '0') as Name,
  (select any_value(Id) from "RecordType"
    where DeveloperName = case when chance(0.9, header, 'report') then 'CallReport_vod' else 'MeetingBrief_vod' end)
    as RecordTypeId,
  id_Account(case when seat = 4 then hospital else account_number(contact) end) as Account_vod__c,
  case when seat <> 4 and not is_person(contact) then id_Contact(contact) end as Contact_vod__c,
  case when header < n then id_Call2_vod__c(header) end as Parent_Call_vod__c,
  case when seat = 4 then 'Group_Account_vod' when is_person(contact) then 'Person_Account_vod' else 'Contact_vod' end
    as Attendee_Type_vod__c,
  case when seat < 4 then one_of(['Detail Only', 'Detail Only', 'Detail with Sample', 'Sample Only'], n, 'type')
    else one_of(['Group Detail', 'Group Detail', 'Group Detail with Sample'], header, 'type') end as Call_Type_vod__c,
  one_of(['Face_to_face_vod', 'Face_to_face_vod', 'Phone_vod', 'Video_vod', null], header, 'channel')
    as Call_Channel_vod__c,
  status as Status_vod__c,
  day as Call_Date_vod__c,
  case when chance(0.9, header, 'timed') then day + to_hours(7 + below(11, header, 'hour')) end as Call_Datetime_vod__c,
  case when chance(0.6, header, 'lasting') then 5.0 * (1 + below(12, header, 'minutes')) end as Duration_vod__c,
  case when status = 'Submitted_vod' and chance(0.2, n, 'signed') then day + to_hours(18) end as Signature_Date_vod__c,
  product(below(details(), header, 'first')) || '  ' || product(below(details(), header, 'second'))
    as Detailed_Products_vod__c,
  left(remark(n), 800) as Next_Call_Notes_vod__c,
  'T' || below(90, header, 'territory') as Territory_vod__c,
  'call-' || number_Call2_vod__c(n) as Mobile_ID_vod__c,
  one_of(getvariable('users'), header, 'rep') as User_vod__c,
  one_of(getvariable('users'), header, 'rep') as OwnerId,
  is_dead(header, 'Call2_vod__c') as IsDeleted
from (
  select *,
    case when day > make_timestamp(1000000 * getvariable('until')::bigint)::date then 'Planned_vod'
      when chance(0.85, header, 'submitted') then 'Submitted_vod' else 'Saved_vod' end as status,
    case when seat = 3 and chance(0.3, n, 'contact') and has_account(other) and not is_dead(other, 'Contact') then other
      else doctor(greatest(base - 4 * greatest(seat - 4, 0), 4 * (7 - seat))) end as contact
  from (
    select n, seat(n) as seat, header_of(n) as header,
      birth(header_of(n), 'Call2_vod__c')::date + one_of([0, 0, 0, 0, 1, 3, 14, 30], header_of(n), 'days') as day,
      living(earlier(header_of(n), 'Call2_vod__c', 'Account', 'at'), 'Account') as hospital,
      10 * below(total('Contact') // 10, n, 'other') + 3 as other,  -- one who works for a business account
      least(earlier(header_of(n), 'Call2_vod__c', 'Contact', 'seen'), total('Contact') - 3) as base
    from numbers('Call2_vod__c')
  )
)
