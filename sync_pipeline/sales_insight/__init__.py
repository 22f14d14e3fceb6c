"""Sales Insight Actions: what a sales tool reads of the people, and what it tells (SPEC 23-27). SQL over the lake.

Read in this order: `fields` (the 13 values of the feed), `tables` (schema `actions`), `mirrors` (which mirrors and
columns there are), `people` (who qualifies, and with which values), `touched` (whom a change may concern),
`people_changes` (what becomes of each), `feed` (preview, start, increment), `duplicates` (who shares an e-mail),
`duplicates_report` (bringing that report up to date), `fuzzy` (who may be one though
no address says so); `inputs` (what a sales tool tells, declared), `intake` (taking it
in), `merges` (whose it is after a merge); `opt_outs` (whose opt-out an unsubscribe concerns), `unsubscribes` (bringing
both sides to the same), `may_send` (the check before a send), `reminder_tasks` (what
differs between reminders and tasks), `reminders` (letting them follow one another), `reminder_writes` (to the CRM);
`written` (what was written, on record).
"""
