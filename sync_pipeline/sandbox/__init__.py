"""A Salesforce org on this machine: a real HTTP server over a real database, for demo, tests and play.

    with Org.open() as org, Sandbox(org) as sandbox:
        ...  # any Salesforce client, at sandbox.url with sandbox.env()

Read `schema.py` (objects), `store.py` and `org.py` (records), `soql*.py` (queries), then `server.py` and the resources
that it names. Of any system's sandbox are `misbehaviour.py` (faults on command), `site/` (the page in the browser),
`service.py`, `database.py`, `request_log.py` and `transport.py`; `faults.py` and `browse.py` fill them in for an org.
`marketo` is a Marketo subscription, of the same making. Only the CLI's demo and the
tests import this package; it imports only `catalog` and `model`.
"""

from sync_pipeline.sandbox.salesforce.api.server import Sandbox
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import Schema

__all__ = ["Org", "Sandbox", "Schema"]
