"""Two-way sync: what both systems know of one record, decided field by field, written, remembered.

Read in this order: `resolve` (the case table), `canonical` (when two values are the same), `fields` (which are
compared; `mapped` tells which are mapped at all, `customs` those of custom objects, `chosen` those of members that
hold), `touched` (which links a pass looks at), `conditions` and `predicates` (the filters of the settings), `ends`
(what ends a link, and who goes on), `question` and `decide` (which links are decided on), `outcomes` (the case table
over all of them, in SQL), with `merging` (the merges that ended links ask for), `newcomers` (what the CRM is to be
given) and `on_demand` and `creating` (whom a request or a pass may just be creating; `lost` finds what became of it),
`plan` (what is to be written), `partitions` (where new persons go), `limits` (how much that may be), `outbox` (what was
sent, and what came of it), `matching` (who is recognised by address), `links` (who is who, and the values last agreed
on), `cycle` (one pass), `synced` (what it came to, on record).

Beside a pass: `preview` shows its plan, `explain` tells the story of one record, `backlog` counts what waits, `retries`
asks for another try, `drift` looks whether what was settled still agrees, `backfill` brings one field over all links.
"""
