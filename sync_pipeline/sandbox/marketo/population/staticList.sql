select n + 1001 as id, 'Seed list ' || (n + 1) as name, 'Default' as "workspaceName",
  birth(n, 'StaticList') as "createdAt", birth(n, 'StaticList') as "updatedAt"
from numbers('StaticList')
