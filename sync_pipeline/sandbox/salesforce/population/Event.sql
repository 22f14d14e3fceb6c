select
  n,
  id_Contact(contact) as WhoId,
  id_Account(account_number(contact)) as AccountId,
  case
    when chance(0.3, n, 'about a deal')
    then id_Opportunity(living(earlier(n, 'Event', 'Opportunity', 'deal'), 'Opportunity'))
  end as WhatId,
  one_of(['Meeting', 'Call', 'Démonstration "live"', '打ち合わせ'], n, 'subject') as Subject,
  one_of(['Room 4', 'Video call', 'Zürich, HB', null], n, 'place') as Location,
  all_day as IsAllDayEvent,
  starting as StartDateTime,
  starting + to_minutes(minutes) as EndDateTime,
  case when not all_day then starting end as ActivityDateTime,
  starting::date as ActivityDate,
  (starting + to_minutes(minutes))::date as EndDate,
  minutes::int as DurationInMinutes,
  one_of(['Busy', 'Free', 'OutOfOffice'], n, 'show as') as ShowAs,
  '0' as GroupEventType,
  'Event' as EventSubtype,
  chance(0.05, n, 'private') as IsPrivate,
  remark(-n - 1) as Description,
  one_of(getvariable('users'), n, 'assignee') as OwnerId
from (
  select
    n,
    living(earlier(n, 'Event', 'Contact', 'who'), 'Contact') as contact,
    chance(0.1, n, 'all day') as all_day,
    case when chance(0.1, n, 'all day') then 1440 else 15 * (1 + below(8, n, 'minutes')) end as minutes,
    date_trunc('day', birth(n, 'Event')) + to_days(1 + below(20, n, 'days')::int)
      + case when chance(0.1, n, 'all day') then interval 0 hour else to_hours(7 + below(11, n, 'hour')) end as starting
  from numbers('Event')
)
