-- Every person is in at most one program; its status is drawn from those of the program's channel.
select
  m.lead as "leadId",
  p.id as "programId",
  p.name as program,
  s.name as "statusName",
  s.success as "reachedSuccess",
  case when s.success then updated end as "reachedSuccessDate",
  born as "membershipDate",
  chance(0.1, m.n, 'acquired by') as "acquiredBy",
  false as "isExhausted",
  born as "createdAt",
  updated as "updatedAt"
from (
  select n, n + 1 as lead, below(total('Program'), n, 'program') + 1001 as program, birth(n, 'Lead') as born,
    seconds_later(birth(n, 'Lead'), unit(n, 'membership')) as updated
  from numbers('Lead') where chance(0.6, n, 'member') and not is_dead(n, 'Lead')
) as m
join program as p on p.id = m.program
join (select name as channel, from_json(statuses, '[{"name": "varchar", "success": "boolean"}]') as steps from channel) as c
  using (channel)
cross join lateral (select unnest([c.steps[2 + below(len(c.steps) - 1, m.n, 'step')]], recursive := true)) as s
