"""tap-salesforce of Singer: discover and sync, by REST and by Bulk API 1.

It logs in at https://test.salesforce.com by refresh token, and reads the recycle bin by REST only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from interop.clients import Client
from interop.environments import Python
from interop.salesforce.rows import described, equal
from interop.salesforce.stage import OrgStage, stage

OBJECTS = ("Contact", "Lead", "Opportunity", "Invoice__c")


def discover(stage: OrgStage) -> str:
    return described(
        {stream["stream"]: stream["schema"] for stream in _discovered(stage, "REST")["streams"]}, stage.org
    )


def sync_by_rest(stage: OrgStage) -> str:
    read = _synced(stage, "REST")
    return "; ".join(equal(stage.org, name, read.get(name, []), deleted=True) for name in OBJECTS)


def sync_in_bulk(stage: OrgStage) -> str:
    stage.needs_bulk_1()
    read = _synced(stage, "BULK")
    return "; ".join(equal(stage.org, name, read.get(name, []), deleted=True, bulk=True, fold=True) for name in OBJECTS)


def _tap(stage: OrgStage, api: str, *arguments: str | Path) -> list[str]:
    sessions = stage.sandbox.sessions
    config = {
        "client_id": sessions.client_id,
        "client_secret": sessions.client_secret,
        "refresh_token": sessions.refresh_token(stage.org.user_id),
        "is_sandbox": True,
        "start_date": (stage.org.now() - timedelta(days=1_000)).strftime("%Y-%m-%dT00:00:00Z"),
        "api_type": api,
        "select_fields_by_default": True,
    }
    return stage.run([stage.tools / "tap-salesforce", "--config", stage.file("config.json", config), *arguments])


def _discovered(stage: OrgStage, api: str) -> dict[str, Any]:
    catalog: dict[str, Any] = json.loads("".join(_tap(stage, api, "--discover")))
    return catalog


def _synced(stage: OrgStage, api: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return the records of the selected streams, by stream."""
    catalog = _discovered(stage, api)
    for stream in catalog["streams"]:
        (whole,) = [entry["metadata"] for entry in stream["metadata"] if entry["breadcrumb"] == []]
        whole["selected"] = stream["stream"] in OBJECTS
        if keys := whole.get("valid-replication-keys"):
            whole["replication-key"], whole["replication-method"] = keys[0], "INCREMENTAL"
    records: dict[str, list[Mapping[str, Any]]] = {}
    for line in _tap(stage, api, "--properties", stage.file("catalog.json", catalog)):
        message = json.loads(line)
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


CLIENT = Client(
    "tap-salesforce",
    Python(Path(__file__).with_name("requirements.txt")),
    stage,
    {"discover": discover, "sync by REST": sync_by_rest, "sync by Bulk 1": sync_in_bulk},
)
