select below(total('StaticList'), n, 'list') + 1001 as "listId", n + 1 as "leadId", birth(n, 'Lead') as "createdAt"
from numbers('Lead') where chance(0.25, n, 'listed') and not is_dead(n, 'Lead')
