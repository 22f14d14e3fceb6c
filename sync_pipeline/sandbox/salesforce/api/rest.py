"""The plain REST resources: versions, limits, describe, one record."""

from __future__ import annotations

from email.utils import format_datetime

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.answers import write_records
from sync_pipeline.sandbox.salesforce.errors import not_found
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.org.schema import SObject, describe_global, describe_object
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.rules import record_types
from sync_pipeline.sandbox.salesforce.soql.compiler import compile_soql

FIRST_VERSION, LAST_VERSION = 20, 66
_SEASONS = ("Winter", "Spring", "Summer")  # version 20 was Winter '11


def versions(call: Call) -> Response:
    """Any version is served; these are named."""
    return json_answer(
        [
            {
                "label": f"{_SEASONS[(n - FIRST_VERSION) % 3]} '{11 + (n - FIRST_VERSION) // 3:02}",
                "url": f"/services/data/v{n}.0",
                "version": f"{n}.0",
            }
            for n in range(FIRST_VERSION, LAST_VERSION + 1)
        ]
    )


def resources(call: Call) -> Response:
    names = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")
    own = f"{call.sandbox.url}/id/{call.sandbox.sessions.organization_id}/{call.user}"
    return json_answer({**{name: f"/services/data/v{call.version}/{name}" for name in names}, "identity": own})


def limits(call: Call) -> Response:
    sessions = call.sandbox.sessions
    jobs = call.sandbox.bulk
    return json_answer(
        {
            "DailyApiRequests": {"Max": sessions.allowed, "Remaining": sessions.allowed - sessions.used},
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000 - call.sandbox.bulk1.batches_made},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000 - jobs.made},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562 - jobs.stored_mb},
            "DataStorageMB": {"Max": 1024, "Remaining": 1024},
        }
    )


def sobjects(call: Call) -> Response:
    return json_answer(describe_global(call.org.schema, call.version, call.org.hidden_objects(call.user)))


def sobject(call: Call, name: str) -> Response:
    """The short form: the object's own attributes and the records the user saw last (the sandbox keeps none)."""
    found = visible_object(call, name)
    everything = describe_global(call.org.schema, call.version)["sobjects"]
    described = next(o for o in everything if o["name"] == found.name)
    return json_answer({"objectDescribe": described, "recentItems": []})


def describe(call: Call, name: str) -> Response:
    """304 when nothing changed since the time the client names."""
    found = visible_object(call, name)
    changed_at = call.org.described_at(found.name).replace(microsecond=0)
    since = call.request.if_modified_since
    if since and since >= changed_at:
        return Response(status=304)
    hidden = call.org.hidden_fields(found.name, call.user)
    described = describe_object(call.org.schema, found.name, call.version, hidden)
    answer = json_answer({**described, "recordTypeInfos": record_types.infos(call.org, found, call.version)})
    answer.headers["Last-Modified"] = format_datetime(changed_at, usegmt=True)
    return answer


def record(call: Call, name: str, record_id: str) -> Response:
    """One record with all its fields, or with those of `fields`; the recycle bin is not looked into."""
    found = visible_object(call, name)
    if len(record_id) not in (15, 18) or not record_id.isalnum():
        raise not_found()
    if found.prefix != record_id[:3]:
        raise not_found()
    return read_record(call, found, f"Id = {text(record_id)}")


def read_record(call: Call, found: SObject, condition: str) -> Response:
    """Return the answer with the one record for which a SOQL condition holds."""
    wanted = call.request.args.get("fields")
    hidden = call.org.hidden_fields(found.name, call.user)
    names = wanted.split(",") if wanted else [field for field in found.fields if field not in hidden]
    soql = f"SELECT {', '.join(name.strip() for name in names)} FROM {found.name} WHERE {condition}"
    plan = compile_soql(call.reader(), soql)
    with call.org.cursor() as cursor:
        rows = cursor.execute(plan.sql()).fetchall()
    if not rows:
        raise not_found()
    return json_answer(write_records(call.org, plan, rows, call.version)[0])


def visible_object(call: Call, name: str) -> SObject:
    found = call.reader().object(name)
    if found is None:
        raise not_found()
    return found


ROUTES = [
    Route("/services/data", versions, needs_login=False, is_charged=False),
    Route("/services/data/v<version>", resources),
    Route("/services/data/v<version>/limits", limits, is_charged=False),
    Route("/services/data/v<version>/sobjects", sobjects),
    Route("/services/data/v<version>/sobjects/<name>", sobject),
    Route("/services/data/v<version>/sobjects/<name>/describe", describe),
    Route("/services/data/v<version>/sobjects/<name>/<record_id>", record),
]
