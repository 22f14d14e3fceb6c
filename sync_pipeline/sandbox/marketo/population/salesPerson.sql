select
  n + 1 as id,
  'USR-' || lpad((n + 1)::varchar, 5, '0') as "externalSalesPersonId",
  'seller' || n || '@sandbox.example' as email,
  first_name(-n - 1) as "firstName",
  last_name(-n - 1) as "lastName",
  birth(n, 'User') as "createdAt",
  birth(n, 'User') as "updatedAt"
from numbers('User')
