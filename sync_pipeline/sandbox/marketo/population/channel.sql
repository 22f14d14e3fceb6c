select id, name, kind as "programType", statuses::json::varchar as statuses, born as "createdAt", born as "updatedAt"
from (
  select *, make_timestamp(1000000 * getvariable('since')::bigint) as born
  from (values
    (1, 'Webinar', 'event', [
      {'name': 'Not in Program', 'step': 0, 'success': false}, {'name': 'Invited', 'step': 10, 'success': false},
      {'name': 'Registered', 'step': 20, 'success': false}, {'name': 'No Show', 'step': 30, 'success': false},
      {'name': 'Attended', 'step': 40, 'success': true}]),
    (2, 'Content', 'program', [
      {'name': 'Not in Program', 'step': 0, 'success': false}, {'name': 'Visited', 'step': 10, 'success': false},
      {'name': 'Downloaded', 'step': 20, 'success': true}]),
    (3, 'Email Send', 'email', [
      {'name': 'Not in Program', 'step': 0, 'success': false}, {'name': 'Sent', 'step': 10, 'success': false},
      {'name': 'Opened', 'step': 20, 'success': false}, {'name': 'Clicked', 'step': 30, 'success': true}])
  ) as t(id, name, kind, statuses)
)
