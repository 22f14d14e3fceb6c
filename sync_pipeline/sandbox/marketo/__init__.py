"""A Marketo subscription on this machine: a real HTTP server over a real database, for demo, tests and play.

    with Subscription.open() as subscription, MarketoSandbox(subscription) as sandbox:
        ...  # any Marketo client, at sandbox.url with sandbox.env()

In `records/` read `fields.py` and `standard.py` (objects), `subscription.py` (where records lie), `log.py` (activities)
and `people.py` (what a sync does); then `api/server.py` and the resources that it names. `bulk/` has the jobs,
`population/` fills it.
"""

from sync_pipeline.sandbox.marketo.api.server import MarketoSandbox
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

__all__ = ["MarketoSandbox", "Subscription"]
