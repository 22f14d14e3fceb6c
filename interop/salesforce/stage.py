"""What a Salesforce client is given: an org of its own behind a running sandbox, and the way there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from interop.errors import SkipError
from interop.front import Front
from interop.stage import HARD, Stage
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.population.populate import populate

PEOPLE, SEED = 4_000, 3  # more leads than one page of a query holds
CROWDED, CROWD = "Product_Interest__c", 60_000  # more than one page of a bulk result holds when nobody says how many
HOSTS = ("*.salesforce.com", "*.my.salesforce.com")


@dataclass(frozen=True)
class OrgStage(Stage):
    """A stage with an org and the sandbox before it."""

    org: Org
    sandbox: Sandbox

    def needs_bulk_1(self) -> None:
        """Raise SkipError when the sandbox does not have Bulk API 1."""
        if requests.get(f"{self.sandbox.url}/services/async/60.0/job", timeout=30).status_code == 404:
            raise SkipError("needs Bulk API 1")

    def crowd(self) -> None:
        """Give the org more records of one object than fit a page of a bulk result."""
        self.org.insert(CROWDED, [{"Name": f"Interest {n}"} for n in range(CROWD)])


@contextmanager
def stage(tools: Path) -> Iterator[OrgStage]:
    """Yield a populated org, its sandbox and an environment without anything of this process's own but the PATH."""
    with Org.open() as org, Sandbox(org) as sandbox, front_of(sandbox) as front:
        populate(org, PEOPLE, SEED)
        org.insert("Contact", [{"LastName": text, "Description": text} for text in HARD])
        closing = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}
        org.insert("Opportunity", [{"Name": text, "Description": text, **closing} for text in HARD])
        with tempfile.TemporaryDirectory(prefix="interop-") as folder:
            own = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8"}
            environment = {**own, **sandbox.env(), **front.environment()}
            yield OrgStage(tools, Path(folder), environment, org, sandbox)


def front_of(sandbox: Sandbox) -> Front:
    """Return the front by which clients find the sandbox under Salesforce's own host names."""
    address = urlsplit(sandbox.url)
    return Front(sandbox, (str(address.hostname), int(address.port or 0)), HOSTS)
