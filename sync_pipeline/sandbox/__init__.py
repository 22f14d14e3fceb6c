"""A Salesforce org on this machine: a real HTTP server over a real database, for demo, tests and play.

    with Org.open() as org, Sandbox(org) as sandbox:
        ...  # any Salesforce client, at sandbox.url with sandbox.env()

Read `schema.py` (objects), `store.py` and `org.py` (records), `soql*.py` (queries), then `server.py` and the resources
that it names. Only the CLI's demo and the tests import this package; it imports only `catalog` and `model`. The
subpackage `marketo` is a Marketo subscription, of the same making.
"""

from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.schema import Schema
from sync_pipeline.sandbox.server import Sandbox

__all__ = ["Org", "Sandbox", "Schema"]
