-- What happened, in the order of time: births, edits, mails, and how those ended who are gone.
with told as (
  select n + 1 as lead, birth(n, 'Lead') as happened, 12 as type, n + 1 as primary_id,
    nullif(full_name(first_name(n), last_name(n)), '') as primary_value,
    json_object('Created Date', birth(n, 'Lead')::date::varchar, 'Source Type',
      one_of(['Web service API', 'New lead', 'List import'], n, 'original'))::varchar as attributes
  from numbers('Lead')
  union all
  select n + 1, last_edit(n), 13, getvariable('score_field'), 'Person Score',
    json_object('New Value', below(120, n, 'score')::varchar, 'Old Value', below(120, n, 'old score')::varchar,
      'Reason', 'Changed by Smart Campaign', 'Source', 'Marketo Flow Action')::varchar
  from numbers('Lead') where chance(0.8, n, 'scored') and not is_dead(n, 'Lead')
  union all
  select n + 1, seconds_later(birth(n, 'Lead'), unit(n, 'mailed')), 6, below(total('Program'), n, 'mail') + 5001,
    'Newsletter ' || (below(total('Program'), n, 'mail') + 1),
    json_object('Campaign Run ID', below(900, n, 'run'), 'Choice Number', 0, 'Step ID', below(6000, n, 'step of'))::varchar
  from numbers('Lead') where chance(0.5, n, 'mailed at all')
  union all
  select n + 1, seconds_later(birth(n, 'Lead'), unit(n, 'mailed')), 10, below(total('Program'), n, 'mail') + 5001,
    'Newsletter ' || (below(total('Program'), n, 'mail') + 1),
    json_object('Device', 'unknown', 'Is Mobile Device', chance(0.3, n, 'mobile'), 'Platform', 'Windows',
      'User Agent', 'Mozilla/5.0 "X", ü')::varchar
  from numbers('Lead') where chance(0.5, n, 'mailed at all') and chance(0.4, n, 'opened')
  union all
  select n + 1, last_edit(n), 37, n + 1, nullif(full_name(first_name(n), last_name(n)), ''), '{}'
  from numbers('Lead') where is_dead(n, 'Lead') and not is_merged(n, 'Lead')
  union all
  select n + 2, last_edit(n), 32, n + 2, nullif(full_name(first_name(n + 1), last_name(n + 1)), ''),
    json_object('Merge IDs', '[' || (n + 1) || ']', 'Master Updated', false, 'Merged in Sales', false,
      'Merge Source', 'leaddb')::varchar
  from numbers('Lead') where is_merged(n, 'Lead')
)
select
  row_number() over (order by happened, type, lead) as id,
  -- What a merged person did is now the winner's, whose number is the next.
  case when is_merged(lead - 1, 'Lead') then lead + 1 else lead end as "leadId",
  happened as "activityDate",
  type as "activityTypeId",
  primary_id as "primaryAttributeValueId",
  primary_value as "primaryAttributeValue",
  attributes
from told
