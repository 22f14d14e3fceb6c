"""Airbyte's source-marketo: check, discover, read by bulk extract and by REST, and read on from its own state.

It waits a minute for every export job, so one job a stream must do.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from interop.airbyte import Message, Source
from interop.clients import Client
from interop.environments import Python
from interop.errors import DifferenceError
from interop.marketo.operations import ACTIVITY, ASSETS
from interop.marketo.rows import equal, in_file
from interop.marketo.stage import SubscriptionStage, stage
from sync_pipeline.sandbox.marketo.records.activity_types import TYPES

CHANGES = 13  # Change Data Value
ASSET_STREAMS = {"lists": "staticList", "programs": "program"}


def discover(stage: SubscriptionStage) -> str:
    """Beside its own fields of a person it finds those of the subscription, and a stream for each activity type."""
    streams = SOURCE.streams(stage)
    found = streams["leads"]["json_schema"]["properties"]
    if missing := stage.subscription.lead.fields.keys() - found.keys():
        raise DifferenceError(f"leads came without {', '.join(sorted(missing))}")
    logs = [name for name in streams if name.startswith("activities_")]
    if len(logs) != len(TYPES):
        raise DifferenceError(f"{len(logs)} of {len(TYPES)} activity types have a stream")
    return f"{len(stage.subscription.lead.fields)} fields of lead, {len(logs)} activity types"


def read_in_bulk(stage: SubscriptionStage) -> str:
    read, _ = SOURCE.read(stage, ["leads", "activities_change_data_value"])
    log = equal(
        stage.subscription, "activity", read["activities_change_data_value"], ACTIVITY, f'"activityTypeId" = {CHANGES}'
    )
    return f"{_people(stage, read['leads'])}; {log}"


def read_by_rest(stage: SubscriptionStage) -> str:
    read, _ = SOURCE.read(stage, list(ASSET_STREAMS))
    return "; ".join(
        equal(stage.subscription, table, [_without_empty(row) for row in read[name]], ASSETS[table])
        for name, table in ASSET_STREAMS.items()
    )


def read_on(stage: SubscriptionStage) -> str:
    """A second read from the state of the first brings what changed since, over what was there before."""
    known, state = SOURCE.read(stage, ["leads"])
    edited = known["leads"][0]["id"]
    with stage.subscription.transaction(), stage.subscription.cursor() as cursor:
        changed = [stage.subscription.present(), edited]
        cursor.execute('update lead set "lastName" = \'Edited\', "updatedAt" = ? where id = ?', changed)
    news, _ = SOURCE.read(stage, ["leads"], state)
    if edited not in {row["id"] for row in news["leads"]}:
        raise DifferenceError(f"person {edited} was not read again")
    merged = {row["id"]: row for row in [*known["leads"], *news["leads"]]}
    return f"{len(news['leads'])} read again; {_people(stage, list(merged.values()))}"


def _people(stage: SubscriptionStage, rows: list[Message]) -> str:
    return equal(stage.subscription, "lead", rows, spelled=_unbroken)


def _unbroken(sql: str) -> str:
    """Return a text as this client has it, which loses line breaks and takes the word null for nothing."""
    return in_file(rf"regexp_replace({sql}, '\r*\n', '', 'g')")


def _without_empty(row: Message) -> Message:
    return {name: None if value == "" else value for name, value in row.items()}


def _config(stage: SubscriptionStage) -> Message:
    env = stage.sandbox.env()
    return {
        "domain_url": env["MARKETO_URL"],
        "client_id": env["MARKETO_CLIENT_ID"],
        "client_secret": env["MARKETO_CLIENT_SECRET"],
        "start_date": (stage.subscription.now() - timedelta(days=31, seconds=-60)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window_in_days": 31,
    }


SOURCE = Source("source-marketo", _config)
CLIENT = Client(
    "airbyte-source-marketo",
    Python(Path(__file__).with_name("requirements.txt")),
    stage,
    {
        "check": SOURCE.check,
        "discover": discover,
        "read by bulk extract": read_in_bulk,
        "read by REST": read_by_rest,
        "read on after edits": read_on,
    },
)
