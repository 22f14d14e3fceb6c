"""What the addresses of bulk jobs have in common: list, look at, delete; what a job may be about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.bulk.jobs import Jobs
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.org.schema import SObject

LISTED = 1000
_FLAGS = {"insert": "createable", "upsert": "createable", "update": "updateable"}


def job_routes(root: str, jobs_of: Callable[[Call], Jobs[Any]]) -> list[Route]:
    """Return the routes below `root` that are the same for all kinds of jobs."""

    def list_jobs(call: Call) -> Response:
        jobs = [job.as_dict() for job in jobs_of(call).all() if job.user == call.user]
        return json_answer({"done": True, "nextRecordsUrl": None, "records": jobs[-LISTED:]})

    def get(call: Call, job_id: str) -> Response:
        return json_answer(jobs_of(call).get(job_id).as_dict())

    def delete(call: Call, job_id: str) -> Response:
        jobs_of(call).delete(jobs_of(call).get(job_id))
        return Response(status=204)

    return [
        Route(root, list_jobs),
        Route(f"{root}/<job_id>", get),
        Route(f"{root}/<job_id>", delete, ("DELETE",)),
    ]


def invalid_value(name: str, value: object) -> ApiError:
    """Return the refusal of a job's setting that is no member of its enumeration."""
    return ApiError("API_ERROR", f"Invalid value: '{value}' supplied for property: '{name}'")


def bulk_object(call: Call, name: str) -> SObject:
    """Return the object of a job.

    Raises:
        ApiError: the user sees none of that name, or Bulk API does not know it.
    """
    found = call.reader().object(name)
    if found is None:
        raise ApiError("INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    if not found.bulk:
        raise ApiError("INVALIDENTITY", f"InvalidEntity : Entity '{name}' is not supported by the Bulk API.")
    return found


def target(call: Call, operation: str, name: str, key: str | None) -> tuple[SObject, str | None]:
    """Return the object that a job writes and the external id that its upsert goes by.

    Raises:
        ApiError: bulk jobs cannot do that to it, or this user may not.
    """
    found, writer = bulk_object(call, name), call.writer()
    writer.permitted(found.name, _FLAGS.get(operation, "deletable"))
    if operation != "upsert":
        return found, None
    if key is None:
        message = f"External ID was blank for {found.name}. An External ID must be specified for upsert."
        raise ApiError("INVALIDJOB", f"InvalidJob : {message}")
    field = writer.form(found).field(key)
    if field is None or not (field["externalId"] or field["idLookup"]):
        message = f"Field name provided, {key} does not match an External ID for {found.name}"
        raise ApiError("INVALIDJOB", f"InvalidJob : {message}")
    return found, str(field["name"])
