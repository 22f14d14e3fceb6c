"""Two-way sync: what both systems know of one record, decided field by field, written, remembered.

The rooms, in the order in which a pass goes through them:

    scope/       which records take part: the filters of settings and mapping
    mapping/     which fields are synced (`effective`, `custom_objects`, `history`), how they are compared (`compared`)
                 and when two values are the same (`canonical`)
    identity/    which record is which person: `links`, what ends them (`link_ends`, `end_reasons`), what an end hands
                 on (`clusters`, `survivors`: pure; `facts` fetches for them, `succession` writes), which merges are to
                 be asked for (`unions`: pure; `merges`), which person has the address (`email_match`)
    decision/    the case table (`case_table`), in SQL over all links (`outcomes`), which are in question (`decide`) or
                 found anew (`adopt`); forms of our own writes (`spelling`), what a system can hold (`capacity`) or
                 refused (`declined`), what the CRM is to be given (`crm_creates`) and may have (`recover_creates`)
    planning/    what is to be written (`plan`), the limits on it (`limits`, `brakes`), where new persons go
                 (`person_partitions`), and a look at it beforehand (`preview`)
    delivery/    what was sent and what came of it (`outbox`, `retries`), what is not known to have arrived
                 (`unconfirmed_values`, `unconfirmed_creates`), and what a request may just be creating (`on_demand`)
    inspection/  beside a pass: one record's story (`explain`), what waits (`backlog`), `drift`, `backfill`

`sync_pass` is one pass, of which `pass_result` puts on record what it came to. `policy` is what an operator chooses,
`fitting` what both systems describe, `changed` finds the links that a pass looks at, `request` says what is decided on,
`relation` declares intermediate tables, and `sides` names the two systems.
"""
