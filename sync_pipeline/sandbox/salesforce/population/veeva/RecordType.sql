-- The type of professionals is there from the beginning: an org with person accounts is born with one for them.
select n, name as Name, developer_name as DeveloperName, object as SobjectType, person as IsPersonType, true as IsActive
from numbers('RecordType') join (values
  (0, 'Business Professional', 'Business_Professional_vod', 'Account', true),
  (1, 'Hospital', 'Hospital_vod', 'Account', false),
  (2, 'Hospital Department', 'HospitalDepartment_vod', 'Account', false),
  (3, 'Practice', 'Practice_vod', 'Account', false),
  (4, 'Pharmacy', 'Pharmacy_vod', 'Account', false),
  (5, 'Call Report', 'CallReport_vod', 'Call2_vod__c', false),
  (6, 'Meeting Brief', 'MeetingBrief_vod', 'Call2_vod__c', false),
  (7, 'Event Member', 'Event_Member', 'CampaignMember', false)
) types(number, name, developer_name, object, person) on n = number
