select
  n,
  case when is_lead then id_Lead(record) else id_Contact(record) end as WhoId,
  case when not is_lead then id_Account(account_number(record)) end as AccountId,
  case
    when not is_lead and chance(0.3, n, 'about a deal')
    then id_Opportunity(living(earlier(n, 'Task', 'Opportunity', 'deal'), 'Opportunity'))
  end as WhatId,
  subject as Subject,
  case subject when 'Call' then 'Call' when 'Email' then 'Email' else 'Task' end as TaskSubtype,
  case when chance(0.9, n, 'due') then birth(n, 'Task')::date + below(30, n, 'due in')::int end as ActivityDate,
  status as Status,
  status = 'Completed' as IsClosed,
  case when status = 'Completed' then birth(n, 'Task') end as CompletedDateTime,
  priority as Priority,
  priority = 'High' as IsHighPriority,
  case when subject = 'Call' then one_of(['Inbound', 'Outbound'], n, 'call type') end as CallType,
  case when subject = 'Call' then below(3600, n, 'seconds')::int end as CallDurationInSeconds,
  chance(0.1, n, 'remind') as IsReminderSet,
  case when chance(0.1, n, 'remind') then birth(n, 'Task') + interval 1 day end as ReminderDateTime,
  remark(-n - 1) as Description,
  one_of(getvariable('users'), n, 'assignee') as OwnerId
from (
  select
    n,
    chance(0.5, n, 'is lead') as is_lead,
    case
      when chance(0.5, n, 'is lead') then living(earlier(n, 'Task', 'Lead', 'who'), 'Lead')
      else living(earlier(n, 'Task', 'Contact', 'who'), 'Contact')
    end as record,
    one_of(['Call', 'Email', 'Send Quote', 'Send Letter', 'Nachfassen: „Angebot“, bitte'], n, 'subject') as subject,
    one_of(['Not Started', 'In Progress', 'Completed', 'Completed', 'Completed', 'Deferred'], n, 'status') as status,
    one_of(['High', 'Normal', 'Normal', 'Low'], n, 'priority') as priority
  from numbers('Task')
)
