"""What one Salesforce client is given: an org of its own behind a running sandbox, and a process to speak from."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from interop.environments import SkipError
from interop.front import Front
from interop.rows import DifferenceError
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.populate import populate

PEOPLE, SEED = 4_000, 3  # more leads than one page of a query holds
CROWDED, CROWD = "Product_Interest__c", 60_000  # more than one page of a bulk result holds when nobody says how many
HOSTS = ("*.salesforce.com", "*.my.salesforce.com")
HARD = (  # what a client, or the sandbox, may get wrong on the way
    'quotes " and ""double""',
    "line\nbreak\r\nand\ttab",
    "Zoë Müller-Ørsted 東京 🚀",
    "comma, semicolon; 'apostrophe' \\backslash",
    "NA",
    "null",
    "0012",
    "<b>&amp;</b>",
)


@dataclass(frozen=True)
class Stage:
    """A client's surroundings; `tools` is what its environment's `install` returned."""

    org: Org
    sandbox: Sandbox
    tools: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, command: Sequence[str | Path], **more: str) -> str:
        """Return what a command of the client prints.

        Raises:
            DifferenceError: it failed; the message is the line that tells most, and below it all that it said.
        """
        environment = {**self.environment, **more}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()
            telling = [line for line in said if "Error" in line] or said
            raise DifferenceError("\n".join([f"exit {done.returncode}: {telling[-1].strip()}", *said]))
        return done.stdout

    def records(self, command: Sequence[str | Path], **more: str) -> dict[str, list[dict[str, Any]]]:
        """Return, by object, the records that a command prints as lines of `["Object", {record}]`.

        Raises:
            DifferenceError: it failed, or printed none.
        """
        records: dict[str, list[dict[str, Any]]] = {}
        for line in self.run(command, **more).splitlines():
            name, record = json.loads(line)
            records.setdefault(name, []).append(record)
        if not records:
            raise DifferenceError("the client said nothing")
        return records

    def needs_bulk_1(self) -> None:
        """Raise SkipError when the sandbox does not have Bulk API 1."""
        if requests.get(f"{self.sandbox.url}/services/async/60.0/job", timeout=30).status_code == 404:
            raise SkipError("needs Bulk API 1")

    def crowd(self) -> None:
        """Give the org more records of one object than fit a page of a bulk result."""
        self.org.insert(CROWDED, [{"Name": f"Interest {n}"} for n in range(CROWD)])

    def file(self, name: str, content: object) -> Path:
        """Write a JSON file into the client's folder."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


@contextmanager
def stage(tools: Path) -> Iterator[Stage]:
    """Yield a populated org, its sandbox and an environment without anything of this process's own but the PATH."""
    with Org.open() as org, Sandbox(org) as sandbox, front_of(sandbox) as front:
        populate(org, PEOPLE, SEED)
        org.insert("Contact", [{"LastName": text, "Description": text} for text in HARD])
        closing = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}
        org.insert("Opportunity", [{"Name": text, "Description": text, **closing} for text in HARD])
        with tempfile.TemporaryDirectory(prefix="interop-") as folder:
            own = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8"}
            yield Stage(org, sandbox, tools, Path(folder), {**own, **sandbox.env(), **front.environment()})


def front_of(sandbox: Sandbox) -> Front:
    """Return the front by which clients find the sandbox under Salesforce's own host names."""
    address = urlsplit(sandbox.url)
    return Front(sandbox, (str(address.hostname), int(address.port or 0)), HOSTS)
