"""Which object a request is about, for faults that are to meet one object only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request

from sync_pipeline.sandbox.salesforce.bulk.jobs import Job
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Host
from sync_pipeline.sandbox.salesforce.soql.parser import parse


def subject(sandbox: Host, request: Request, arguments: Mapping[str, Any]) -> str:
    """Return the object's name, "" where a request is about none, or about several as a composite one is."""
    try:
        name = _named(sandbox, request, arguments)
    except ApiError:
        return ""
    found = sandbox.org.schema.get(name)
    return found.name if found else ""


def _named(sandbox: Host, request: Request, arguments: Mapping[str, Any]) -> str:
    if "name" in arguments:
        return str(arguments["name"])
    if "locator" in arguments:
        return sandbox.cursors.get(arguments["locator"].partition("-")[0]).plan.object
    if "job_id" in arguments:
        return _job(sandbox, request.path, arguments["job_id"]).object
    soql = request.args.get("q") or _sent(request, "query")
    return str(parse(soql).source) if soql else _sent(request, "object")


def _job(sandbox: Host, path: str, job_id: str) -> Job:
    if path.startswith("/services/async/"):
        return sandbox.bulk1.get(job_id)
    return sandbox.ingest.get(job_id) if "/jobs/ingest/" in path else sandbox.bulk.get(job_id)


def _sent(request: Request, name: str) -> str:
    """Return a text of the JSON object that the request brings."""
    body = request.get_json(silent=True) if request.is_json else None
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""
