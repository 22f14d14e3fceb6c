"""The addresses that no real system has: a page to see and edit records, the faults, the request log. Any system's.

A system shows itself as `System` (system.py); `Site` (site.py) serves pages.py, watch.py and admin.py to this machine's
own browser and command line only (guard.py). Nothing here knows Salesforce or Marketo.
"""

from sync_pipeline.sandbox.core.site.site import Site
from sync_pipeline.sandbox.core.site.system import System

__all__ = ["Site", "System"]
