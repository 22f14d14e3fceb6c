"""A client of Bulk API 1 for tests: jobs in XML or JSON, batches in three formats."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import requests

if TYPE_CHECKING:
    from sync_pipeline_tests.sandbox.conftest import Client

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
NS = f"{{{NAMESPACE}}}"
TYPES = {"CSV": "text/csv", "XML": "application/xml", "JSON": "application/json"}


def xml(content: str | bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)  # noqa: S314 - our own server's


def error(answer: requests.Response) -> tuple[str | None, str | None]:
    """Return code and message of a refusal in XML."""
    assert answer.headers["Content-Type"] == "application/xml"
    root = xml(answer.content)
    assert root.tag == f"{NS}error"
    return root.findtext(f"{NS}exceptionCode"), root.findtext(f"{NS}exceptionMessage")


@dataclass
class Bulk:
    """A client that speaks XML about jobs, or JSON, and makes batches in the format of the job."""

    client: Client
    content_type: str = "CSV"
    speaks: str = "application/xml"

    def send(self, method: str, path: str, content_type: str | None = None, **options: Any) -> requests.Response:
        headers = {"X-SFDC-Session": self.client.token, "Content-Type": content_type or self.speaks}
        headers |= options.pop("headers", {})
        return self.client.send(method, f"/services/async/60.0/job{path}", headers=headers, **options)

    def read(self, answer: requests.Response) -> dict[str, Any]:
        """Return an info, be it in JSON or XML."""
        assert answer.status_code < 300, answer.text
        if answer.headers["Content-Type"] == "application/json":
            info: dict[str, Any] = answer.json()
            return info
        root = xml(answer.content)
        return {child.tag.removeprefix(NS): child.text for child in root}

    def tell(self, path: str, headers: dict[str, str] | None = None, **settings: str) -> requests.Response:
        if self.speaks == "application/json":
            return self.send("POST", path, json=settings, headers=headers or {})
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
        body = f'<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="{NAMESPACE}">{inner}</jobInfo>'
        return self.send("POST", path, data=body, headers=headers or {})

    def create(self, operation: str, name: str, headers: dict[str, str] | None = None, **more: Any) -> str:
        answer = self.tell("", headers, operation=operation, object=name, contentType=self.content_type, **more)
        info = self.read(answer)
        assert (answer.status_code, info["state"]) == (201, "Open")
        return str(info["id"])

    def add(self, job: str, content: str | bytes, **headers: str) -> str:
        content = content.encode() if isinstance(content, str) else content
        answer = self.send("POST", f"/{job}/batch", TYPES[self.content_type], data=content, headers=headers)
        info = self.read(answer)
        assert (answer.status_code, info["jobId"]) == (201, job)
        return str(info["id"])

    def ended(self, job: str, batch: str) -> dict[str, Any]:
        for _ in range(1000):
            found = self.read(self.send("GET", f"/{job}/batch/{batch}"))
            if found["state"] not in ("Queued", "InProgress"):
                return found
            time.sleep(0.02)
        raise AssertionError(f"batch {batch} did not end")

    def run(self, operation: str, name: str, content: str, **more: Any) -> tuple[dict[str, Any], str]:
        """Run a job of one batch; return how it ended and its answer."""
        job = self.create(operation, name, **more)
        batch = self.add(job, content)
        assert self.read(self.tell(f"/{job}", state="Closed"))["state"] == "Closed"
        return self.ended(job, batch), self.send("GET", f"/{job}/batch/{batch}/result").content.decode()

    def results(self, job: str, batch: str) -> list[requests.Response]:
        """Return the result files of a query."""
        listed = self.send("GET", f"/{job}/batch/{batch}/result")
        ids = listed.json() if self.content_type == "JSON" else [r.text for r in xml(listed.content)]
        return [self.send("GET", f"/{job}/batch/{batch}/result/{one}") for one in ids]

    def query(self, soql: str, operation: str = "query", name: str = "Contact") -> bytes:
        """Run a query to its one result."""
        job = self.create(operation, name)
        batch = self.add(job, soql)
        assert self.ended(job, batch)["state"] == "Completed"
        (result,) = self.results(job, batch)
        assert result.headers["Content-Type"].startswith(TYPES[self.content_type])
        return result.content
