"""Airbyte's source-salesforce: check, discover, read by REST and by Bulk API 2.0, and read on from its own state.

It logs in at https://test.salesforce.com by refresh token; what it calls "REST" are the objects with an address.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from interop.airbyte import Message, Source
from interop.clients import Client
from interop.environments import Python
from interop.errors import DifferenceError
from interop.salesforce.rows import described, equal
from interop.salesforce.stage import CROWDED, OrgStage, stage

REST, BULK = ("Contact", "Lead"), ("Opportunity", "Invoice__c", "CampaignMember", "Task")
# It reads the recycle bin, too; a bulk result passes through a file that Python opens with universal newlines.
IN_BULK = {"deleted": True, "bulk": True, "fold": True}


def discover(stage: OrgStage) -> str:
    """Beside the org's objects the connector has a stream of its own, of describes."""
    streams = SOURCE.streams(stage)
    return described({name: stream["json_schema"] for name, stream in streams.items() if name != "Describe"}, stage.org)


def read_by_rest(stage: OrgStage) -> str:
    return "; ".join(equal(stage.org, name, rows, deleted=True) for name, rows in SOURCE.read(stage, REST)[0].items())


def read_in_bulk(stage: OrgStage) -> str:
    read, _ = SOURCE.read(stage, BULK)
    return "; ".join(equal(stage.org, name, rows, **IN_BULK) for name, rows in read.items())


def read_pages_in_bulk(stage: OrgStage) -> str:
    """The connector finds the next page of a result only under the exact spelling `Sforce-Locator`."""
    stage.crowd()
    return equal(stage.org, CROWDED, SOURCE.read(stage, [CROWDED])[0][CROWDED], **IN_BULK)


def read_on(stage: OrgStage) -> str:
    """A second read from the state of the first brings what changed since, over what was there before."""
    name = BULK[0]
    known, state = SOURCE.read(stage, [name])
    edited = next(row["Id"] for row in known[name] if not row["IsDeleted"])
    stage.org.update(name, edited, {"Description": "edited between two reads"})
    (new,) = stage.org.insert(name, [{"Name": "New", "StageName": "Prospecting", "CloseDate": "2026-12-31"}])
    news, _ = SOURCE.read(stage, [name], state)
    if not {edited, new} <= {row["Id"] for row in news.get(name, [])}:
        raise DifferenceError(f"{edited} or {new} was not read again")
    merged = {row["Id"]: row for row in [*known[name], *news[name]]}
    return f"{len(news[name])} read again; {equal(stage.org, name, list(merged.values()), **IN_BULK)}"


def _config(stage: OrgStage) -> Message:
    sessions = stage.sandbox.sessions
    return {
        "auth_type": "Client",
        "client_id": sessions.client_id,
        "client_secret": sessions.client_secret,
        "refresh_token": sessions.refresh_token(stage.org.user_id),
        "is_sandbox": True,
        "start_date": (stage.org.now() - timedelta(days=1_000)).strftime("%Y-%m-%dT00:00:00Z"),
        "stream_slice_step": "P180D",
        "preserve_na_values": True,  # or a text "NA" becomes null on its way through pandas
    }


SOURCE = Source("source-salesforce", _config)
CLIENT = Client(
    "airbyte-source-salesforce",
    Python(Path(__file__).with_name("requirements.txt")),
    stage,
    {
        "check": SOURCE.check,
        "discover": discover,
        "read by REST": read_by_rest,
        "read by Bulk 2.0": read_in_bulk,
        "read by Bulk 2.0, page by page": read_pages_in_bulk,
        "read on after edits": read_on,
    },
)
