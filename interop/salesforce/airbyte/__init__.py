"""Airbyte's source-salesforce: check, discover, read by REST and by Bulk API 2.0, and read on from its own state.

It logs in at https://test.salesforce.com by refresh token; what it calls "REST" are the objects with an address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from interop.clients import Client
from interop.environments import Python
from interop.errors import DifferenceError
from interop.salesforce.rows import described, equal
from interop.salesforce.stage import CROWDED, OrgStage, stage

Message = Mapping[str, Any]
REST, BULK = ("Contact", "Lead"), ("Opportunity", "Invoice__c", "CampaignMember", "Task")
# It reads the recycle bin, too; a bulk result passes through a file that Python opens with universal newlines.
IN_BULK = {"deleted": True, "bulk": True, "folded": True}


def check(stage: OrgStage) -> str:
    (said,) = [message["connectionStatus"] for message in _source(stage, "check") if "connectionStatus" in message]
    if said["status"] != "SUCCEEDED":
        raise DifferenceError(str(said))
    return "connected"


def discover(stage: OrgStage) -> str:
    """Beside the org's objects the connector has a stream of its own, of describes."""
    streams = _streams(stage)
    return described({name: stream["json_schema"] for name, stream in streams.items() if name != "Describe"}, stage.org)


def read_by_rest(stage: OrgStage) -> str:
    return "; ".join(equal(stage.org, name, rows, deleted=True) for name, rows in _read(stage, REST)[0].items())


def read_in_bulk(stage: OrgStage) -> str:
    read, _ = _read(stage, BULK)
    return "; ".join(equal(stage.org, name, rows, **IN_BULK) for name, rows in read.items())


def read_pages_in_bulk(stage: OrgStage) -> str:
    """The connector finds the next page of a result only under the exact spelling `Sforce-Locator`."""
    stage.crowd()
    return equal(stage.org, CROWDED, _read(stage, [CROWDED])[0][CROWDED], **IN_BULK)


def read_on(stage: OrgStage) -> str:
    """A second read from the state of the first brings what changed since, over what was there before."""
    name = BULK[0]
    known, state = _read(stage, [name])
    edited = next(row["Id"] for row in known[name] if not row["IsDeleted"])
    stage.org.update(name, edited, {"Description": "edited between two reads"})
    (new,) = stage.org.insert(name, [{"Name": "New", "StageName": "Prospecting", "CloseDate": "2026-12-31"}])
    news, _ = _read(stage, [name], state)
    if not {edited, new} <= {row["Id"] for row in news.get(name, [])}:
        raise DifferenceError(f"{edited} or {new} was not read again")
    merged = {row["Id"]: row for row in [*known[name], *news[name]]}
    return f"{len(news[name])} read again; {equal(stage.org, name, list(merged.values()), **IN_BULK)}"


def _source(stage: OrgStage, command: str, *arguments: str | Path) -> list[Message]:
    sessions = stage.sandbox.sessions
    config = {
        "auth_type": "Client",
        "client_id": sessions.client_id,
        "client_secret": sessions.client_secret,
        "refresh_token": sessions.refresh_token(stage.org.user_id),
        "is_sandbox": True,
        "start_date": (stage.org.now() - timedelta(days=1_000)).strftime("%Y-%m-%dT00:00:00Z"),
        "stream_slice_step": "P180D",
        "preserve_na_values": True,  # or a text "NA" becomes null on its way through pandas
    }
    given = ["--config", stage.file("config.json", config), *arguments]
    return [json.loads(line) for line in stage.run([stage.tools / "source-salesforce", command, *given])]


def _streams(stage: OrgStage) -> dict[str, Message]:
    """Return what is discovered, by name."""
    (catalog,) = [message["catalog"] for message in _source(stage, "discover") if "catalog" in message]
    return {stream["name"]: stream for stream in catalog["streams"]}


def _read(
    stage: OrgStage, names: Sequence[str], state: Sequence[Message] = ()
) -> tuple[dict[str, list[Message]], list[Message]]:
    """Return the records by stream, and the last state of each stream."""
    discovered = _streams(stage)
    streams = [
        {"stream": discovered[name], "sync_mode": "incremental", "destination_sync_mode": "append"} for name in names
    ]
    given: list[str | Path] = ["--catalog", stage.file("catalog.json", {"streams": streams})]
    if state:
        given += ["--state", stage.file("state.json", state)]
    # The connector leaves null out of its messages.
    nulls = {name: dict.fromkeys(discovered[name]["json_schema"]["properties"]) for name in names}
    records: dict[str, list[Message]] = {name: [] for name in names}
    states: dict[str, Message] = {}
    for message in _source(stage, "read", *given):
        if record := message.get("record"):
            records[record["stream"]].append({**nulls[record["stream"]], **record["data"]})
        elif said := message.get("state"):
            states[said["stream"]["stream_descriptor"]["name"]] = said
    return records, list(states.values())


CLIENT = Client(
    "airbyte-source-salesforce",
    Python(Path(__file__).with_name("requirements.txt")),
    stage,
    {
        "check": check,
        "discover": discover,
        "read by REST": read_by_rest,
        "read by Bulk 2.0": read_in_bulk,
        "read by Bulk 2.0, page by page": read_pages_in_bulk,
        "read on after edits": read_on,
    },
)
