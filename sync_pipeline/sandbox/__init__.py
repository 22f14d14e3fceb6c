"""A Salesforce org on this machine: a real HTTP server over a real database, for demo, tests and play.

    with Org.open() as org, Sandbox(org) as sandbox:
        ...  # any Salesforce client, at sandbox.url with sandbox.env()

`core/` is what any sandbox is made of: the database, the server, the log of requests, faults on command
(`misbehaviour.py`) and the page in the browser (`site/`). `salesforce/` is an org: read `org/schema.py` (objects),
`org/store.py` and `org/org.py` (records), `rules/` (what a write sets off), `soql/` (queries), then `api/server.py` and
the resources that it names; `bulk/` has the jobs, `population/` fills it. `marketo/` is a subscription, of the same
making. Only the CLI's demo and the tests import this package; it imports nothing of the product.
"""

from sync_pipeline.sandbox.salesforce.api.server import Sandbox
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import Schema

__all__ = ["Org", "Sandbox", "Schema"]
