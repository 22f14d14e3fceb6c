"""sync_pipeline: a Salesforce or Veeva org and a Marketo subscription as living tables.

Read in this order:

    model.py         the nouns that modules hand to one another
    faults.py        errors that nobody foresaw: logged, put on record, and kept to their object
    identifiers.py   what a person or record is called from outside, and which addresses are the same
    redactor.py      cuts every known secret out of everything that leaves the process; private.py: who may read files
    catalog/         what is synced, and the systems' own words: declarations, data only
    connectors/      THE SYSTEMS: login, describe, query, bulk; pages of text in, records out
    lake/            THE STORE: DuckLake, transactions, landings, the ledger, upkeep
    mirror/          windows, merge and diff, drift, repairs, and the runs made of them
    sync/            both ways: scope, mapping, identity, decision, planning, delivery, inspection
    sales_insight/   Sales Insight Actions: people feed, duplicates, unsubscribes, reminder tasks
    on_demand/       flow actions on demand: one person at once, whether or not a cycle runs
    activity_log/    what happened to a person, logged on the other side once and only once
    settings/        the only reader of the environment
    assembly/        settings made into objects and pairings, connectors and a lake, and the runs of both
    web/             the HTTP door to what may be asked for at once
    orchestration/   DAGSTER and nothing but Dagster
    cli.py           the command line; commands/ has its commands
    definitions.py   what Dagster loads
    docs_pages/      the pages of docs/ that follow from declarations and tests
    sandbox/         a Salesforce or Veeva org and a Marketo subscription on this machine, for demo and tests

Imports run one way, downwards in the arrows of pyproject.toml's import rules. A cycle goes: `mirror.runs.sync` cuts a
window per object, `mirror.read` lands its pages, `mirror.intake` takes them into the mirror in one transaction, and
`mirror.cycle` puts on record what was done and what was not. Then `sync.sync_pass` decides on what changed on either
side and, if it may, writes; `activity_log.step` logs what happened to people on the other side.
"""
